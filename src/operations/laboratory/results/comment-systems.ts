/** CodeSystems of comments that a laboratory has: the starter catalogue's and its own. */
import type { JsonObject } from '../../../fhir/json.ts';
import { commentsUrl, ownCommentsUrl } from '../../../laboratory/result/comments.ts';
import type { Context } from '../../../request.ts';
import { knownBy } from '../specimens-and-orders.ts';

export async function commentSystems(server: Context): Promise<JsonObject[]> {
  const found = await knownBy(server, 'CodeSystem', [
    ['url', `${ownCommentsUrl},${commentsUrl}`],
    ['status', 'active'],
  ]);
  return found.map(({ resource }) => resource);
}
