/**
 * The events of interactions: made of the trail, stored with a write, at the end of a transaction, or by themselves.
 *
 * 1. Inside a transaction events are stored by its last statement: there is none of what was rolled back.
 * 2. An event that cannot be stored fails its request (503): nothing goes unaudited.
 */
import type { AuditRecord, Outcome } from '../audit/record.ts';
import { rowOf } from '../audit/row.ts';
import { OutcomeError, outcomeError, statusOf } from '../fhir/outcome.ts';
import type { Caller, Context } from '../request.ts';
import { addEvents, type AuditEntry } from '../store/audit.ts';
import { tell } from '../store/pool.ts';
import type { SearchEvent } from '../store/search-event.ts';
import { newId } from './new-id.ts';
import { newTrail, type Asked, type Trail } from './trail.ts';

/** An event without who did it: that is kept apart. */
export type Event = Omit<AuditRecord, 'agent'>;

export interface Result {
  readonly outcome: Outcome;
  readonly reason?: string;
}

const succeeded: Result = { outcome: 0 };

/** The event of the interaction of this trail; undefined where it has none. */
export function eventOf(context: Context, trail: Trail, result: Result = succeeded): Event | undefined {
  const { kind, deed, about, patient, query } = trail.asked;
  if (kind === undefined) return undefined;
  const now = Date.now();
  const asked = query?.();
  const patients = new Set(trail.patients);
  if (patient !== undefined) patients.add(patient);
  return {
    id: newId(now),
    time: now,
    kind,
    ...result,
    ...(deed !== undefined && { deed }),
    address: context.address,
    purposes: context.caller.purposes,
    requestId: context.requestId,
    ...(asked !== undefined && { query: asked }),
    touched: trail.touched.length === 0 && about !== undefined ? [about] : trail.touched,
    patients: [...patients],
    ...(trail.further.length > 0 && { further: trail.further }),
  };
}

const contents = new WeakMap<Caller, string>();

/** The number of the caller among the agents. */
export function agentOf({ server, tenant, caller }: Pick<Context, 'server' | 'tenant' | 'caller'>): Promise<number> {
  let content = contents.get(caller);
  if (content === undefined) {
    const { subject, client, roles, fhirUser } = caller;
    content = JSON.stringify({ subject, client, roles, ...(fhirUser !== undefined && { fhirUser }) });
    contents.set(caller, content);
  }
  return server.agentNumber(tenant.id, content);
}

export function entryOf(event: Event, agent: number): AuditEntry {
  return { row: rowOf(event), agent, patients: event.patients.length > 1 ? event.patients : [] };
}

/** The event that a write or read of one resource takes with it; the statement adds what was written or found. */
export async function entryOfOne(context: Context): Promise<AuditEntry | undefined> {
  const event = eventOf(context, newTrail(withoutPlace(context.trail.asked)));
  return event && entryOf(event, await notRefused(() => agentOf(context)));
}

/**
 * The event that a search takes with it; undefined where callers' events are better stored in groups. A request that is
 * alone finds no connection in use.
 */
export async function eventOfSearch(context: Context): Promise<SearchEvent | undefined> {
  const { server, events, inTransaction, trail } = context;
  const { patient } = trail.asked;
  if (inTransaction || events !== undefined || server.database.load().used > 0) return undefined;
  const entry = await entryOfOne(context);
  return entry && { entry, patient };
}

function withoutPlace({ kind, deed, query }: Asked): Asked {
  return { kind, ...(deed !== undefined && { deed }), ...(query !== undefined && { query }) };
}

/** Stores the event of an interaction that has ended, or leaves it to the end of the transaction. */
export async function audit(context: Context, result: Result): Promise<void> {
  if (context.trail.stored) return;
  const event = eventOf(context, context.trail, result);
  if (event === undefined) return;
  if (context.events === undefined) {
    await storeEvent(context, event);
  } else {
    context.events.push(event);
  }
}

export async function storeEvent(context: Pick<Context, 'server' | 'tenant' | 'caller'>, event: Event): Promise<void> {
  await notRefused(async () => {
    const agent = await agentOf(context);
    await context.server.events.submit(context.tenant.id, entryOf(event, agent));
  });
}

/** Stores the events of a transaction, the interaction's own among them; true where there were any. */
export async function auditInside(inside: Context, outer: Trail): Promise<boolean> {
  const { trail, events = [], session } = inside;
  if (trail.writes === 0 && events.length === 0) return false;
  const whole = newTrail(outer.asked);
  whole.touched.push(...outer.touched, ...trail.touched);
  whole.further.push(...outer.further, ...trail.further);
  [...outer.patients, ...trail.patients].forEach((patient) => whole.patients.add(patient));
  const own = eventOf(inside, whole);
  const all = own === undefined ? events : [...events, own];
  if (all.length === 0) return false;
  const agent = await agentOf(inside);
  await tell(
    session,
    addEvents(
      session.tenant,
      all.map((event) => entryOf(event, agent)),
    ),
  );
  return own !== undefined;
}

/** @throws OutcomeError 503 where the work, which is the storing of events, fails. */
export async function notRefused<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw notAudited(error);
  }
}

function notAudited(cause: unknown): Error {
  const error = outcomeError(
    'transient',
    'The audit log cannot be written, and nothing goes unaudited; try again later.',
    {
      headers: { 'retry-after': '5' },
    },
  );
  return Object.assign(error, { cause });
}

/** How an interaction ended, without anything of its content: sentences of refusals by scope name no more than ids. */
export function failureOf(error: unknown): Result {
  if (!(error instanceof OutcomeError)) return { outcome: 8, reason: '500 exception' };
  const status = statusOf(error);
  const [issue] = error.issues;
  const reason = `${status} ${issue?.code ?? ''}`;
  if (status !== 401 && status !== 403) return { outcome: status === 503 ? 12 : status >= 500 ? 8 : 4, reason };
  const sentence = (issue?.diagnostics ?? '').slice(0, 300).toWellFormed().replaceAll('\0', '');
  return { outcome: 8, reason: `${reason}: ${sentence}` };
}
