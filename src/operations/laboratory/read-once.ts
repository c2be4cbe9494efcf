/**
 * What definitions of the catalogue say, read once for each text: an order of a hundred tests has two hundred of them, which
 * took a tenth of the time of entering its results. Nothing changes what was read; a changed definition is another text.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { parseStored } from '../../interactions/document.ts';
import { readDefinition } from '../../laboratory/definition.ts';
import { readTest } from '../../laboratory/test-definition.ts';

/** Of each kind; a starter catalogue has two hundred, of some kilobytes each. */
const most = 1_000;

export const definitionOf = readOnce(readDefinition);
export const testOf = readOnce(readTest);

function readOnce<Read>(read: (resource: JsonObject) => Read): (text: string) => Read {
  const known = new Map<string, Read>();
  return (text) => {
    const found = known.get(text) ?? read(parseStored(text));
    if (known.size >= most && !known.has(text)) known.clear();
    known.set(text, found);
    return found;
  };
}
