/**
 * For what a request is made: the caller with the purposes of the header X-Purpose-Of-Use, or of the token. A request in
 * an emergency (BTG) needs an override that is open (access/break-glass.ts); it is looked up for each request, so that
 * closing one, or its end, holds at once.
 */
import { emergency, purposeSystem, readPurposes } from '../access/purpose.ts';
import { subsumedBy } from '../fhir/terminology.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Caller } from '../request.ts';
import { openOverrides } from '../store/break-glass.ts';
import type { Session } from '../store/pool.ts';

/** @throws OutcomeError 400 for an unknown purpose, 403 for one that the token does not give or without an override. */
export async function withPurpose(caller: Caller, header: string | undefined, session: Session): Promise<Caller> {
  const purposed = header === undefined ? caller : withPurposes(caller, header);
  if (!purposed.purposes.includes(emergency)) return purposed;
  const overrides = await openOverrides(session, caller.subject);
  if (overrides.length === 0) {
    throw outcomeError(
      'forbidden',
      'The purpose BTG needs an override that is open: open one by POST Patient/[id]/$break-glass with the reason.',
    );
  }
  return { ...purposed, overrides: overrides.map(({ patient }) => patient) };
}

/** A caller is remembered for each header, as what is made of his permits is kept with him. */
const made = new WeakMap<Caller, Map<string, Caller>>();
const most = 20;

function withPurposes(caller: Caller, header: string): Caller {
  const known = made.get(caller) ?? new Map<string, Caller>();
  made.set(caller, known);
  const before = known.get(header);
  if (before !== undefined) return before;
  const purposed = { ...caller, purposes: allowed(caller, readPurposes(header)) };
  if (known.size >= most) known.clear();
  known.set(header, purposed);
  return purposed;
}

function allowed(caller: Caller, asked: readonly string[]): readonly string[] {
  if (caller.purposesBound !== true) return asked;
  const other = asked.find((code) => !caller.purposes.some((given) => subsumedBy(purposeSystem, code, given) === true));
  if (other === undefined) return asked;
  throw outcomeError('forbidden', `The access token is for ${caller.purposes.join(', ')}, not for ${other}.`);
}
