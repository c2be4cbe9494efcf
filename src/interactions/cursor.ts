/**
 * Page cursors that only we can make: a position, signed together with the tenant, the caller, what the caller may do and
 * the query that it belongs to. A cursor of someone else, of wider scopes or for another query is refused.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { outcomeError } from '../fhir/outcome.ts';
import type { Caller, Context } from '../request.ts';

/** `position` as a URL-safe text for this caller and `scope` (what is being paged). */
export function sealCursor(context: Context, scope: string, position: readonly (string | null)[]): string {
  const payload = Buffer.from(JSON.stringify(position)).toString('base64url');
  return `${payload}.${signature(context, scope, payload)}`;
}

/** @throws OutcomeError `invalid` where the cursor is not one that this caller got for this query. */
export function openCursor(context: Context, scope: string, cursor: string): (string | null)[] {
  const [payload = '', given = ''] = cursor.split('.');
  const wanted = Buffer.from(signature(context, scope, payload));
  const offered = Buffer.from(given);
  if (wanted.length !== offered.length || !timingSafeEqual(wanted, offered)) {
    throw outcomeError(
      'invalid',
      'The page cursor is not one that this server gave you for this query; start from the first page.',
      {
        status: 400,
      },
    );
  }
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as (string | null)[];
}

function signature(context: Context, scope: string, payload: string): string {
  const { tenant, caller, server } = context;
  const bound = JSON.stringify([tenant.id, caller.client, caller.subject, rightsOf(caller), scope, payload]);
  return createHmac('sha256', server.cursorKey).update(bound).digest('base64url').slice(0, 27);
}

const rights = new WeakMap<Caller, string>();

/** What the caller may do, in few characters: the same for every token that allows the same. */
function rightsOf(caller: Caller): string {
  const known = rights.get(caller);
  if (known !== undefined) return known;
  const { permits, clearance, consent } = caller;
  const texts = permits.map((permit) => JSON.stringify(permit)).sort();
  const made = createHash('sha256')
    .update(JSON.stringify([texts, clearance, consent]))
    .digest('base64url')
    .slice(0, 22);
  rights.set(caller, made);
  return made;
}
