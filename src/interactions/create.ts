/** create and conditional create. https://hl7.org/fhir/R4/http.html#create */
import { newId } from './new-id.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Answer, Context } from '../request.ts';
import { versionHeaders, writeAnswer } from './answers.ts';
import { readResource } from './body.ts';
import type { Call } from './call.ts';
import { commit, inTransaction } from './commit.ts';
import { atMostOne, lockAndFind, parseCriteria } from './conditional.ts';
import { allowParameters, preferredReturn } from './headers.ts';
import { storing } from './processing-restriction.ts';
import { prepare, writeResult, type Prepared } from './prepare.ts';
import type { Match } from './matches.ts';
import { showed } from './trail.ts';

export async function create(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, []);
  const { type } = call.target;
  const prepared = prepareCreate(context, await readResource(context, call, type));
  const criteria = call.headers['if-none-exist'];
  if (criteria === undefined) {
    return writeNew(context, call, prepared);
  }
  return inTransaction(context, async (inside) => {
    const match = atMostOne(type, await lockAndFind(storing(inside), type, parseCriteria(type, criteria)));
    return match ? existingAnswer(inside, call, match) : writeNew(inside, call, prepared);
  });
}

function prepareCreate(context: Context, resource: JsonObject): Prepared {
  return prepare(context, resource, { id: newId(), method: 'POST', expect: 'absent', fresh: true });
}

async function writeNew(context: Context, call: Call, prepared: Prepared): Promise<Answer> {
  const written = await commit(context, prepared);
  if (written === undefined) {
    throw new Error('A new id was taken already.');
  }
  return writeAnswer(context, call, writeResult(prepared, written));
}

/** A match makes the create do nothing: 200 with the resource that is there. */
export function existingAnswer(context: Context, call: Call, match: Match): Answer {
  showed(context.trail, match.stored);
  const location = `${context.base}/${call.target.type}/${match.id}/_history/${match.version}`;
  const headers = { ...versionHeaders(match.version, match.lastUpdated), location };
  const answer = { status: 200, headers, lastUpdated: match.lastUpdated };
  return match.hidden === true || preferredReturn(call) === 'minimal' ? answer : { ...answer, text: match.text };
}
