/**
 * Restriction of processing (GDPR Art. 18): the data of a patient are stored and not used, except as
 * interactions/processing-restriction.ts says. For the data protection officer (manage/privacy), with a fresh second factor.
 *
 *   POST [base]/Patient/[id]/$restrict      reason, requestedBy?   201, or 200 where one is in force: the restriction
 *   POST [base]/Patient/[id]/$unrestrict    reason                 200: the restriction that ended
 *   GET  [base]/Patient/$restricted                                200: those in force
 *
 * The restriction of what an erasure kept by a rule of retention ends with another erasure, not with $unrestrict.
 */
import { thing } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import { inTransaction } from '../interactions/commit.ts';
import type { Answer, Context } from '../request.ts';
import {
  addRestriction,
  announceRestrictions,
  liftRestriction,
  listRestrictions,
  lockRestrictions,
  restrictionOf,
  unmarkIfNone,
  type Restriction,
} from '../store/restriction.ts';
import { optional } from './administer.ts';
import { checkPatient } from './break-glass.ts';
import { operationInput } from './parameters.ts';
import { checkSoleDeed, reasonOf } from './privacy.ts';

export async function restrict(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$restrict');
  const input = await operationInput(context, call, ['reason', 'requestedBy']);
  const reason = reasonOf(input);
  const askedBy = optional(input, 'requestedBy')?.slice(0, 200);
  const { id: patient } = call.target;
  return inTransaction(context, async (inside) => {
    await checkPatient(inside, patient);
    await lockRestrictions(inside.session);
    const before = await restrictionOf(inside.session, patient);
    if (before === undefined) await announceRestrictions(context.server.database, context.tenant.id);
    const made = { patient, reason, madeBy: context.caller.subject, ...(askedBy !== undefined && { askedBy }) };
    const restriction = before ?? (await addRestriction(inside.session, made));
    noteDeed(inside, restriction);
    return { status: before === undefined ? 201 : 200, resource: report([restriction]) };
  });
}

export async function unrestrict(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$unrestrict');
  const reason = reasonOf(await operationInput(context, call, ['reason']));
  const { id: patient } = call.target;
  const answer = await inTransaction(context, async (inside): Promise<Answer> => {
    await lockRestrictions(inside.session);
    const restriction = await restrictionOf(inside.session, patient);
    if (restriction === undefined) {
      throw outcomeError('not-found', `The processing of Patient/${patient.slice(0, 64)} is not restricted.`);
    }
    if (restriction.erasure !== undefined) {
      throw outcomeError(
        'conflict',
        `Patient/${patient} was erased and what is kept stays restricted; erase it in the end.`,
      );
    }
    await liftRestriction(inside.session, restriction.id, { by: context.caller.subject, reason });
    noteDeed(inside, restriction);
    return { status: 200, resource: report([restriction]) };
  });
  await unmarkIfNone(context.server.database, context.tenant.id);
  return answer;
}

export async function restricted(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  const restrictions = await listRestrictions(context.session);
  restrictions.forEach(({ patient }) => context.trail.patients.add(patient));
  return { status: 200, resource: report(restrictions) };
}

/** Its event is stored by the same transaction. */
export function noteDeed({ trail }: Context, { id, patient }: Pick<Restriction, 'id' | 'patient'>): void {
  trail.further.push(thing('setting', id));
  trail.patients.add(patient);
  trail.writes += 1;
}

function report(restrictions: readonly Restriction[]): JsonObject {
  const parameter = restrictions.map(({ id, patient, reason, since, askedBy, erasure }) => ({
    name: 'restriction',
    part: [
      { name: 'id', valueUuid: `urn:uuid:${id}` },
      { name: 'patient', valueReference: { reference: `Patient/${patient}` } },
      { name: 'since', valueInstant: since },
      { name: 'reason', valueString: reason },
      ...(askedBy === undefined ? [] : [{ name: 'requestedBy', valueString: askedBy }]),
      ...(erasure === undefined ? [] : [{ name: 'erasure', valueUuid: `urn:uuid:${erasure}` }]),
    ],
  }));
  return { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) };
}
