/** What a message of a version is made of: the version with its documents, and what it refers to, as the interface sees it. */
import type { JsonObject } from '../../fhir/json.ts';
import { referenced } from '../../interactions/referenced.ts';
import type { Context } from '../../request.ts';
import type { Source } from '../../translation/out/source.ts';
import { withDocuments } from './document.ts';

/** Resources of one message. */
const most = 2_000;

export async function gather(context: Context, given: JsonObject, created: boolean): Promise<Source> {
  const root = await withDocuments(context, given);
  return { root, created, find: await referenced(context, [root], most) };
}
