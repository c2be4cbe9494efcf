/** What the operations on users and roles have in common: a fresh second factor, who acts, and how input is read. */
import type { Administration } from '../accounts/administration.ts';
import { thing } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { inTransaction } from '../interactions/commit.ts';
import { requireFreshSecondFactor } from '../interactions/second-factor.ts';
import type { Context } from '../request.ts';
import type { Session } from '../store/pool.ts';
import type { Input } from './parameters.ts';

/** Seconds for which a second factor is fresh enough to change users and roles. */
const freshness = 900;

/**
 * For a change, which is a transaction of its own: within one of a Bundle it would stay when that is rolled back.
 * @throws OutcomeError `login` (401) without a fresh second factor.
 */
export function administrationOf(context: Context): Administration {
  if (context.inTransaction) {
    const sentence = 'Users and roles are not changed within a transaction; send the operation by itself.';
    throw outcomeError('not-supported', sentence, { status: 400 });
  }
  requireFreshSecondFactor(context, freshness);
  const { tenant, caller } = context;
  return {
    transaction: (work, changed) =>
      recorded(context, work, (done) => {
        const { kind, id } = changed(done);
        return thing(kind, id);
      }),
    tenant: tenant.id,
    by: caller.subject,
    now: Date.now(),
  };
}

/** Runs a change in a transaction that ends with the event of this operation; the entity is what the change was about. */
export function recorded<T>(
  context: Context,
  work: (session: Session) => Promise<T>,
  entity?: (done: T) => JsonObject,
): Promise<T> {
  return inTransaction(context, async (inside) => {
    const done = await work(inside.session);
    inside.trail.writes += 1;
    if (entity !== undefined) inside.trail.further.push(entity(done));
    return done;
  });
}

/** The one value of a parameter. @throws OutcomeError `invalid` where there are several. */
export function optional(input: Input, name: string): string | undefined {
  const [text, second] = input.texts(name);
  if (second === undefined) return text;
  throw outcomeError('invalid', `${name} is given once.`, { status: 400 });
}

/** @throws OutcomeError `required` */
export function required(input: Input, name: string): string {
  const text = optional(input, name);
  if (text !== undefined && text !== '') return text;
  throw outcomeError('required', `The parameter ${name} is missing.`, { status: 400 });
}

/** `none` takes away what is there. */
export function removable(input: Input, name: string): string | null | undefined {
  const text = optional(input, name);
  return text === 'none' ? null : text;
}

export function yesOrNo(input: Input, name: string): boolean {
  const text = optional(input, name) ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw outcomeError('invalid', `${name} is true or false.`, { status: 400 });
}
