/** What a message of a version is made of: the version with its documents, and what it refers to, as the interface sees it. */
import type { JsonObject } from '../../fhir/json.ts';
import { withEnded } from '../../interactions/ended.ts';
import { referenced } from '../../interactions/referenced.ts';
import type { Context } from '../../request.ts';
import type { Source } from '../../translation/out/source.ts';
import { withDocuments } from './document.ts';
import { openVisit } from './visit.ts';

/** Resources of one message. */
const most = 2_000;

export interface Gathering {
  readonly created: boolean;
  /** What is deleted is told of too, as it was. */
  readonly withdrawing: boolean;
  /** The open visit of a patient is told with him. */
  readonly visit: boolean;
}

export async function gather(
  context: Context,
  given: JsonObject,
  { created, withdrawing, visit: isVisited }: Gathering,
): Promise<Source> {
  const root = await withDocuments(context, given);
  const visit = isVisited && root['resourceType'] === 'Patient' ? await openVisit(context, root) : undefined;
  const find = await referenced(context, visit === undefined ? [root] : [root, visit], most);
  return { root, created, visit, find: withdrawing ? await withEnded(context, [root], find) : find };
}
