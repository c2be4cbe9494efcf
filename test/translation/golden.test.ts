/**
 * Messages of our own with what they become, one pair of files each in golden/: `.hl7` and `.json` (entries with the
 * refused fields, if any). Ids are numbered in the order in which resources are made.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { serializeJson, type JsonObject, type JsonValue } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { parseMessage } from '../../src/hl7v2/message.ts';
import { translate } from '../../src/translation/messages.ts';

const folder = join(import.meta.dirname, 'golden');
const names = readdirSync(folder).flatMap((name) => (name.endsWith('.hl7') ? [name.slice(0, -4)] : []));

test.each(names)('%s', (name) => {
  const message = parseMessage(readFileSync(join(folder, `${name}.hl7`), 'utf8'));
  let made = 0;
  const settings = { zone: 'Asia/Aden', systems: { NORTH: 'https://north.example/ids' }, mapped: () => undefined };
  const { entries, problems } = translate(message, settings, () => String(++made));
  const found: JsonObject = {
    entries: entries.map(({ fullUrl, resource, keep, change }): JsonValue => ({
      fullUrl,
      resource,
      ...(keep && { keep }),
      ...(change && { change }),
    })),
    problems: problems.map(({ code, sentence, severity = 'E', place }) => ({
      code,
      severity,
      place: `${place?.segment ?? ''}[${place?.sequence ?? 0}]-${place?.field ?? 0}`,
      sentence,
    })),
  };
  for (const { resource, change } of entries) {
    // A part of what is there already.
    if (change) continue;
    expect(validateResource(resource).filter(({ severity }) => severity === 'error')).toEqual([]);
  }
  const expected: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  expect(JSON.parse(serializeJson(found))).toEqual(expected);
});
