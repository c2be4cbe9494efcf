/** Who may vouch for the audit log as a whole, and the period that an operation on it is asked about. */
import { isUnconditional } from '../access/permits.ts';
import { grants } from '../access/scopes.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Caller } from '../request.ts';
import { dateInterval } from '../search/interval.ts';
import type { Period } from '../sealing/verify.ts';

/** @throws OutcomeError `forbidden` where a scope on AuditEvent is missing or has conditions. */
export function checkWholeLog({ permits }: Pick<Caller, 'permits'>, operation: string): void {
  const whole = permits.filter(isUnconditional);
  const missing = (['r', 's'] as const).find((permission) => !grants(whole, permission, 'AuditEvent'));
  if (missing === undefined) return;
  throw outcomeError(
    'forbidden',
    `Your scopes do not allow ${operation}: that needs AuditEvent.${missing} without conditions.`,
  );
}

/** `from` and `to` are dates or instants of FHIR, both included. @throws OutcomeError `invalid` */
export function periodOf(from: string | undefined, to: string | undefined, zone = 'UTC'): Period {
  const interval = (name: string, text: string): { low: number; high: number } => {
    const found = dateInterval(text.replace(/ (\d\d:\d\d)$/, '+$1'), zone);
    if (found !== undefined) return found;
    throw outcomeError('invalid', `${name} must be a FHIR date or instant, not "${text.slice(0, 40)}".`, {
      status: 400,
    });
  };
  return {
    ...(from !== undefined && { from: interval('from', from).low }),
    ...(to !== undefined && { to: interval('to', to).high - 1 }),
  };
}
