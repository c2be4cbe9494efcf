/**
 * $break-glass: opens an override of consent for one patient in an emergency; src/access/break-glass.ts says what one
 * opens, and requests use it by the purpose of use BTG.
 *
 *   POST [base]/Patient/[id]/$break-glass         reason (text), minutes?     201: override, patient, until
 *   POST [base]/Patient/[id]/$break-glass-close                               200: closed, how many there were
 *
 * Needs a role that may break the glass. minutes are the role's at most, and that many without the parameter. The reason is
 * kept with the override; the data protection officers get a Task each in the same transaction.
 */
import { operatorCaller } from '../access/caller.ts';
import { officerRole } from '../access/roles.ts';
import { parseScopes } from '../access/scopes.ts';
import { thing } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Call } from '../interactions/call.ts';
import { commitAll, inTransaction } from '../interactions/commit.ts';
import { newId } from '../interactions/new-id.ts';
import { prepare } from '../interactions/prepare.ts';
import type { Answer, Context } from '../request.ts';
import { closeOverrides, holdersOf, openOverride, type Override } from '../store/break-glass.ts';
import { readCurrent } from '../store/read.ts';
import { optional, recorded, required } from './administer.ts';
import { reviewTask } from './break-glass-task.ts';
import { operationInput, type Input } from './parameters.ts';

export async function breakGlass(context: Context, call: Call): Promise<Answer> {
  const longest = longestMinutes(context);
  const input = await operationInput(context, call, ['reason', 'minutes']);
  const asked = { reason: reasonOf(input), minutes: minutesOf(input, longest) };
  const { id: patient } = call.target;
  const override = await inTransaction(context, async (inside) => {
    await checkPatient(inside, patient);
    const opened = await openOverride(inside.session, { patient, subject: context.caller.subject, ...asked });
    await tellOfficers(inside, opened);
    inside.trail.further.push(thing('setting', opened.id));
    return opened;
  });
  announceOverride(context, override);
  return { status: 201, resource: report(override) };
}

export async function closeBreakGlass(context: Context, call: Call): Promise<Answer> {
  longestMinutes(context);
  await operationInput(context, call, []);
  const { id: patient } = call.target;
  const { subject } = context.caller;
  const closed = await recorded(context, async (session) => {
    const overrides = await closeOverrides(session, { patient, subject });
    if (overrides > 0) return overrides;
    throw outcomeError('not-found', `You have no override for Patient/${patient} that is open.`);
  });
  context.server.log.warn(facts(context, 'break-glass-close'), 'emergency override closed');
  return {
    status: 200,
    resource: { resourceType: 'Parameters', parameter: [{ name: 'closed', valueInteger: closed }] },
  };
}

/** @throws OutcomeError `forbidden` without a role that may break the glass. */
function longestMinutes({ caller }: Context): number {
  if (caller.breakGlass !== undefined) return caller.breakGlass.minutes;
  throw outcomeError('forbidden', 'None of your roles may override the consent of a patient in an emergency.');
}

const shortestReason = 10;
const longestReason = 1_000;

function reasonOf(input: Input): string {
  const reason = required(input, 'reason').trim();
  if (reason.length >= shortestReason && reason.length <= longestReason) return reason;
  throw outcomeError(
    'invalid',
    `reason takes ${shortestReason} to ${longestReason} characters that tell the emergency.`,
    {
      status: 400,
    },
  );
}

function minutesOf(input: Input, longest: number): number {
  const text = optional(input, 'minutes');
  const minutes = text === undefined ? longest : Number(text);
  if (/^\d{1,5}$/.test(text ?? '1') && minutes >= 1 && minutes <= longest) return minutes;
  throw outcomeError('invalid', `minutes takes 1 to ${longest}, which is what your role allows.`, { status: 400 });
}

/** Whoever may break the glass for any patient, or manages users, may know who there is. */
export async function checkPatient(context: Context, id: string): Promise<void> {
  const stored = await readCurrent(context.session, typeNumber('Patient') ?? -1, id);
  if (stored === undefined) throw outcomeError('not-found', `There is no Patient/${id}.`);
  if (stored.text === null) throw outcomeError('deleted', `Patient/${id} was deleted.`);
}

/** Without an officer who is a resource of the laboratory, one Task that is for any of them. */
async function tellOfficers(context: Context, override: Override): Promise<void> {
  const officers = await holdersOf(context.session, officerRole);
  const owners: (string | undefined)[] = officers.length === 0 ? [undefined] : officers;
  // The server's own doing: who breaks the glass need not be allowed to write Tasks.
  const caller = operatorCaller({ subject: 'makhbar', client: 'makhbar', scopes: parseScopes('system/Task.cruds') });
  const own = { ...context, caller };
  const tasks = owners.map((owner) =>
    prepare(own, reviewTask(override, { owner, requester: context.caller.fhirUser }), {
      id: newId(),
      method: 'POST',
      expect: 'absent',
      fresh: true,
    }),
  );
  await commitAll(own, tasks);
}

/** Everything that is told of an override once it is stored. */
export function announceOverride(context: Context, override: Override): void {
  const { id, until } = override;
  context.server.log.warn({ ...facts(context, 'break-glass'), override: id, until }, 'emergency override opened');
}

/** Who and where; the patient and the reason stay in the database. */
function facts({ tenant, caller, requestId }: Context, event: string): Record<string, string> {
  return { event, tenant: tenant.name, subject: caller.subject, client: caller.client, requestId };
}

function report({ id, patient, opened, until }: Override): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'override', valueUuid: `urn:uuid:${id}` },
      { name: 'patient', valueReference: { reference: `Patient/${patient}` } },
      { name: 'opened', valueInstant: opened },
      { name: 'until', valueInstant: until },
    ],
  };
}
