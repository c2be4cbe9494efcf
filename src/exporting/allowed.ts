/**
 * Whether somebody who comes for the files of an export may still see what he was allowed to see when he asked for it. Pure.
 *
 * Every permit by which it was made must still be there, or one without conditions that covers it; nor may labels or consent
 * bind him now where they did not then. Anything else would need the files to be made anew.
 */
import type { Caller } from '../access/caller.ts';
import { isUnconditional, type Permit } from '../access/permits.ts';

export function mayStillSee(now: Caller, then: Caller, types: readonly string[]): boolean {
  const needed = then.permits.filter(
    ({ type, permissions }) => /[rs]/.test(permissions) && (type === '*' || types.includes(type) || type === 'Patient'),
  );
  return (
    needed.every((permit) => narrowed(permit, types).every((one) => isCovered(one, now.permits))) &&
    clears(now.clearance, then.clearance) &&
    (then.consent === 'enforced' || now.consent === 'exempt')
  );
}

/** A permit for all types, as one for each type of the export. */
function narrowed(permit: Permit, types: readonly string[]): Permit[] {
  return permit.type === '*' ? types.map((type) => ({ ...permit, type })) : [permit];
}

function isCovered(needed: Permit, given: readonly Permit[]): boolean {
  return [...'rs'].every(
    (letter) =>
      !needed.permissions.includes(letter) ||
      given.some(
        (one) =>
          (one.type === '*' || one.type === needed.type) &&
          one.permissions.includes(letter) &&
          (isUnconditional(one) || conditions(one) === conditions(needed)),
      ),
  );
}

function conditions({ compartments, filters }: Permit): string {
  const inside = compartments.map(({ type, id }) => `${type}/${id}`);
  return JSON.stringify([inside.sort(), [...filters].sort()]);
}

function clears(now: Caller['clearance'], then: Caller['clearance']): boolean {
  return now === 'all' || (then !== 'all' && then.every((code) => now.includes(code)));
}
