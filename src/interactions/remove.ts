/** delete and conditional delete, single and multiple. https://hl7.org/fhir/R4/http.html#delete */
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Answer, Context } from '../request.ts';
import { retryTransaction } from '../store/errors.ts';
import type { Written } from '../store/write.ts';
import { plainAccessOf } from './access.ts';
import type { Call } from './call.ts';
import { commit, commitAll, inTransaction } from './commit.ts';
import { lockAndFind } from './conditional.ts';
import { allowParameters, etag, ifMatch, versionConflict } from './headers.ts';
import { deletion } from './prepare.ts';
import { visibleCurrent } from './visible.ts';

/** 204, also where there is nothing (any more) to delete. */
export async function remove(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, []);
  const expected = ifMatch(call);
  const key = { type: typeNumber(call.target.type) ?? -1, id: call.target.id };
  const written = await commit(context, deletion(key, expected ?? 'any'));
  if (written === undefined && expected !== undefined) {
    await refuseOtherVersion(context, key, expected);
  }
  return deleted(written);
}

async function refuseOtherVersion(
  context: Context,
  key: { type: number; id: string },
  expected: number,
): Promise<void> {
  const stored = await visibleCurrent(context, key, plainAccessOf(context, 'd'));
  if (stored !== undefined && stored.text !== null) {
    throw versionConflict(expected);
  }
}

function deleted(written: Written | undefined): Answer {
  return { status: 204, headers: written ? { etag: etag(written.version) } : {} };
}

/** Most resources that one conditional delete removes (a guess: one statement of this size takes about a second). */
const mostDeleted = 10_000;

export async function conditionalDelete(context: Context, call: Call): Promise<Answer> {
  const { type } = call.target;
  const several = context.tenant.settings.multipleDelete === true;
  const expected = ifMatch(call);
  return inTransaction(context, async (inside) => {
    const matches = await lockAndFind(inside, type, call.query, several ? mostDeleted + 1 : 2);
    if (matches.length > (several ? mostDeleted : 1)) {
      throw outcomeError(
        'multiple-matches',
        several
          ? `The criteria match more than ${mostDeleted} ${type} resources; delete fewer at once.`
          : `The criteria match more than one ${type}; this laboratory allows deleting one at a time.`,
      );
    }
    if (expected !== undefined && !matches.every(({ version }) => version === expected)) {
      throw versionConflict(expected);
    }
    const type_ = typeNumber(type) ?? -1;
    const written = await commitAll(
      inside,
      matches.map((match) => deletion({ type: type_, id: match.id }, match.version)),
    );
    if (written.includes(undefined)) {
      throw retryTransaction(`A ${type} that matches was changed meanwhile.`);
    }
    return deleted(written.length === 1 ? written[0] : undefined);
  });
}
