/**
 * Sends what waits in one feed: claims it, delivers some events at a time, and moves the cursor after each time. Any number
 * of processes may try; what one that died left undone is sent again by the next (at least once, in order).
 */
import { auditEventText } from '../audit/event.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Log } from '../log.ts';
import type { Place } from '../store/audit-read.ts';
import {
  advanceFeed,
  claimFeed,
  failFeed,
  nextEvents,
  releaseFeed,
  type Feed,
  type Lease,
  type OutgoingEvent,
} from '../store/audit-feeds.ts';
import type { Database, Session } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import { failureSentence } from './failure.ts';
import { openFeedSecret } from './feed-definition.ts';
import { fhirReceiver } from './fhir-receiver.ts';
import { holdFeed, leaseSeconds } from './hold.ts';
import { NotTaken, type Receiver } from './receiver.ts';
import { syslogReceiver } from './syslog-receiver.ts';

export interface Forwarding {
  readonly database: Database;
  readonly keyEncryptionKey: Buffer;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Seconds. */
const exchangeSeconds = 20;
/** Then other feeds have their turn. */
const turnSeconds = 20;
const longestDelay = 300;

/** Sends what waits, for as long as a turn lasts. */
export async function forward(forwarding: Forwarding, tenant: Tenant, name: string): Promise<void> {
  const session = sessionFor(forwarding.database, tenant.id);
  const feed = await claimFeed(session, name, leaseSeconds);
  if (feed === undefined) return;
  const { stalled, attempts } = feed;
  const state = { next: undefined, stalled: stalled !== undefined, attempts };
  const hold = holdFeed(session, feed);
  try {
    await takeTurn({ forwarding, tenant, session, feed, state, lost: hold.lost });
  } finally {
    hold.end();
  }
}

export function sessionFor(database: Database, tenant: number): Session {
  return { tenant, query: (statement) => database.query(tenant, statement) };
}

interface Run {
  readonly forwarding: Forwarding;
  readonly tenant: Tenant;
  readonly session: Session;
  readonly feed: Feed & Lease;
  readonly lost: AbortSignal;
  readonly state: {
    /** The first event that was not taken. */
    next: OutgoingEvent | undefined;
    stalled: boolean;
    /** Failures in a row. */
    attempts: number;
  };
}

async function takeTurn(run: Run): Promise<void> {
  let receiver: Receiver | undefined;
  try {
    receiver = await receiverOf(run);
    await sendAll(run, receiver);
  } catch (error) {
    await failed(run, error);
  } finally {
    receiver?.close();
  }
}

async function sendAll(run: Run, receiver: Receiver): Promise<void> {
  const { forwarding, session, feed, state } = run;
  const until = Date.now() + turnSeconds * 1_000;
  for (let cursor: Place = feed.cursor; ;) {
    const events = await nextEvents(session, cursor, feed.batch);
    [state.next] = events;
    const over = forwarding.signal.aborted || Date.now() > until;
    if (events.length === 0 || over) return await releaseFeed(session, feed, events.length > 0);
    const last = await exchange(run, receiver, events);
    // Another process has the feed.
    if (last === undefined) return;
    if (state.stalled) forwarding.log.info({ tenant: run.tenant.name, feed: feed.name }, 'audit feed goes on');
    state.stalled = false;
    cursor = last;
  }
}

async function receiverOf({ forwarding, tenant, feed }: Run): Promise<Receiver> {
  const { token, key } = await openFeedSecret({ ...forwarding, tenant: tenant.id }, feed);
  const destination = { ...feed, ...(token !== undefined && { token }), ...(key !== undefined && { key }) };
  return feed.kind === 'fhir' ? fhirReceiver(destination) : syslogReceiver(destination);
}

/** The last event that was taken; undefined where the lease was lost. @throws where not all were taken. */
async function exchange(
  { forwarding, tenant, session, feed, state, lost }: Run,
  receiver: Receiver,
  events: readonly OutgoingEvent[],
): Promise<OutgoingEvent | undefined> {
  const signal = AbortSignal.any([forwarding.signal, lost, AbortSignal.timeout(exchangeSeconds * 1_000)]);
  const outgoing = events.map(({ id, record }) => ({
    id,
    resource: JSON.parse(auditEventText(record, { observer: tenant.name })) as JsonObject,
  }));
  const { count, refusal } = await receiver.deliver(outgoing, signal);
  const last = events[count - 1];
  if (last !== undefined) {
    state.next = events[count];
    state.attempts = 0;
    if (!(await advanceFeed(session, feed, { last, count, seconds: leaseSeconds }))) return undefined;
  }
  if (refusal !== undefined) throw new NotTaken(refusal);
  return last;
}

/** One line where a feed stalls, not one for each attempt. */
async function failed({ forwarding, tenant, session, feed, state }: Run, error: unknown): Promise<void> {
  if (forwarding.signal.aborted) return await releaseFeed(session, feed, true);
  const sentence = failureSentence(error);
  const seconds = Math.min(longestDelay, 2 ** Math.min(state.attempts, 10)) * (0.8 + Math.random() * 0.4);
  const behind = state.next?.record.time ?? Date.now();
  const noted = await failFeed(session, feed, { sentence, behind, seconds });
  if (noted && !state.stalled) {
    forwarding.log.warn({ tenant: tenant.name, feed: feed.name, reason: sentence }, 'audit feed stalls');
  }
}
