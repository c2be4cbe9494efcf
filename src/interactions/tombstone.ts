/**
 * What was erased (operations/erase.ts) is gone: 410 with a sentence, whatever was asked of it.
 *
 * It is told to who may read all resources of the type; whoever sees some of them only is answered as for an id that was
 * never used: a tombstone does not say whether it would have been one of his.
 */
import { isUnconditional } from '../access/permits.ts';
import { grants } from '../access/scopes.ts';
import { OutcomeError, outcomeError, statusOf } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import { refusedErased, wasErased } from '../store/erased.ts';
import type { Target } from './call.ts';

/** The refusal to give instead of one that says that there is nothing. */
export async function orErased(context: Context, { type, id, version }: Target, error: unknown): Promise<unknown> {
  const number = typeNumber(type);
  if (number === undefined || id === '' || !(error instanceof OutcomeError) || statusOf(error) !== 404) return error;
  if (!grants(context.caller.permits.filter(isUnconditional), 'r', type)) return error;
  const ver = /^[1-9]\d{0,8}$/.test(version) ? Number(version) : undefined;
  if (!(await wasErased(context.session, { type: number, id }, ver))) return error;
  const name = version === '' ? `${type}/${id}` : `Version ${version} of ${type}/${id}`;
  return outcomeError('deleted', `${name} was erased at the request of the person whom it was about.`);
}

/** What a failed write was refused for. */
export function erasedRefusal(error: unknown): unknown {
  switch (refusedErased(error)) {
    case 'id':
      return outcomeError('deleted', 'What was written under this id was erased; the id is not taken again.');
    case 'patient':
      return outcomeError(
        'conflict',
        'The patient whom this is about was erased; nothing is stored about him any more.',
      );
    default:
      return error;
  }
}
