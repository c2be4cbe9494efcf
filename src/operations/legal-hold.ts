/**
 * Legal holds, for the data protection officer (manage/privacy): what must be kept in spite of its rule, and of $erase.
 *
 *   POST [base]/$legal-hold        reason, patient? or category?    201: hold; without either, all of the laboratory
 *   POST [base]/$legal-hold-lift   hold, reason                     200: the hold that ended
 *   GET  [base]/$legal-holds                                        200: those in force
 *
 * Once it is answered nothing goes that it covers: it waits for a removal under way (store/retention.ts).
 */
import type { JsonObject } from '../fhir/json.ts';
import { isId } from '../fhir/reference.ts';
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import { inTransaction } from '../interactions/commit.ts';
import type { Answer, Context } from '../request.ts';
import { addHold, liftHold, readHolds, type Hold } from '../store/retention.ts';
import { optional, required } from './administer.ts';
import { operationInput, type Input } from './parameters.ts';
import { checkSoleDeed, reasonOf } from './privacy.ts';
import { categoryOf } from './retention-rules.ts';

export async function legalHold(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$legal-hold');
  const input = await operationInput(context, call, ['reason', 'patient', 'category']);
  const given = { ...coverOf(input), reason: reasonOf(input), by: context.caller.subject };
  return inTransaction(context, async (inside) => {
    const hold = await addHold(inside.session, given);
    note(inside, hold);
    return { status: 201, resource: report([hold]) };
  });
}

export async function legalHoldLift(context: Context, call: Call): Promise<Answer> {
  checkSoleDeed(context, '$legal-hold-lift');
  const input = await operationInput(context, call, ['hold', 'reason']);
  const id = uuidOf(required(input, 'hold'), 'hold');
  const lifting = { by: context.caller.subject, reason: reasonOf(input) };
  return inTransaction(context, async (inside) => {
    const hold = await liftHold(inside.session, id, lifting);
    if (hold === undefined) throw outcomeError('not-found', `There is no legal hold ${id} in force.`);
    note(inside, hold);
    return { status: 200, resource: report([hold]) };
  });
}

export async function legalHolds(context: Context, call: Call): Promise<Answer> {
  await operationInput(context, call, []);
  const holds = await readHolds(context.session);
  holds.forEach(({ patient }) => patient !== undefined && context.trail.patients.add(patient));
  return { status: 200, resource: report(holds) };
}

/** With or without urn:uuid: before it. @throws OutcomeError `value` */
export function uuidOf(text: string, name: string): string {
  const id = text.replace(/^urn:uuid:/, '').toLowerCase();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id;
  throw outcomeError('value', `${name} is a UUID.`, { status: 400 });
}

function coverOf(input: Input): Pick<Hold, 'category' | 'patient'> {
  const [patient, category] = [optional(input, 'patient'), optional(input, 'category')];
  if (patient !== undefined && category !== undefined) {
    const sentence = 'A legal hold covers a patient, a category, or all of the laboratory; not two of them.';
    throw outcomeError('invalid', sentence, { status: 400 });
  }
  if (category !== undefined) return { category: categoryOf(category) };
  if (patient === undefined) return {};
  const id = patient.replace(/^Patient\//, '');
  if (!isId(id)) throw outcomeError('value', 'patient is Patient/ and an id.', { status: 400 });
  return { patient: id };
}

/** Its event is stored by the same transaction. */
function note({ trail }: Context, { id, patient }: Hold): void {
  trail.further.push(thing('setting', id));
  if (patient !== undefined) trail.patients.add(patient);
  trail.writes += 1;
}

function report(holds: readonly Hold[]): JsonObject {
  const parameter = holds.map(({ id, category, patient, reason, by, since }) => ({
    name: 'hold',
    part: [
      { name: 'id', valueUuid: `urn:uuid:${id}` },
      ...(category === undefined ? [] : [{ name: 'category', valueCode: category }]),
      ...(patient === undefined ? [] : [{ name: 'patient', valueReference: { reference: `Patient/${patient}` } }]),
      { name: 'reason', valueString: reason },
      { name: 'by', valueString: by },
      { name: 'since', valueInstant: since },
    ],
  }));
  return { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) };
}
