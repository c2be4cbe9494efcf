/**
 * Feeds of the audit log (table audit_feed): where the events of a laboratory go, and how far each has come.
 *
 * 1. The order is that of the seals, transaction and id, and only what lies below the oldest running transaction is read:
 *    nothing can appear before a cursor any more, so that nothing is skipped, whatever commits late.
 * 2. A cursor moves after the receiver has taken the events: what was taken when a process died is sent again.
 * 3. By syslog nothing says that events were stored: where an exchange fails, those of the one before are sent again. Once:
 *    what is sent while a feed stalls is not kept, so that an event that no receiver takes does not send others for ever.
 * 4. One process is at a feed at a time: whoever lost the lease changes nothing in the row any more.
 */
import { randomUUID } from 'node:crypto';
import type { AuditRecord } from '../audit/record.ts';
import { eventColumns, recordFromRow, type EventRow, type Place } from './audit-read.ts';
import type { EncryptedSecret } from './secrets.ts';
import { instantText, type Database, type Session } from './pool.ts';
import { sql } from './sql.ts';

export type FeedKind = 'fhir' | 'syslog';

export interface FeedSettings {
  readonly name: string;
  readonly kind: FeedKind;
  readonly address: string;
  /** Set by the operator: may lie in a network that is not public. */
  readonly internal: boolean;
  /** PEM. */
  readonly authority?: string;
  readonly certificate?: string;
  readonly secret?: EncryptedSecret;
  readonly batch: number;
  readonly active: boolean;
}

export interface Feed extends FeedSettings {
  readonly cursor: Place;
  readonly delivered: number;
  /** FHIR instants. */
  readonly lastSuccess?: string;
  readonly behind?: string;
  readonly stalled?: string;
  readonly failure?: string;
  readonly attempts: number;
  readonly created: string;
  readonly createdBy: string;
}

interface FeedRow {
  name: string;
  kind: FeedKind;
  address: string;
  internal: boolean;
  authority: string | null;
  certificate: string | null;
  secret: Buffer | null;
  key_id: string | null;
  batch: number;
  active: boolean;
  transaction: string;
  event: string;
  delivered: string;
  last_success: string | null;
  behind: string | null;
  stalled: string | null;
  failure: string | null;
  attempts: number;
  created: string;
  created_by: string;
}

const columns = sql`name, kind, address, internal, authority, certificate, secret, key_id, batch, active, transaction,
  event, delivered, last_success, behind, stalled, failure, attempts, created, created_by`;

function feedFromRow(row: FeedRow): Feed {
  const { name, kind, address, internal, authority, certificate, secret, key_id: keyId, batch, active } = row;
  return {
    ...{ name, kind, address, internal, batch, active, attempts: row.attempts },
    ...(authority !== null && { authority }),
    ...(certificate !== null && { certificate }),
    ...(secret !== null && keyId !== null && { secret: { secret, keyId } }),
    cursor: { transaction: row.transaction, id: row.event },
    delivered: Number(row.delivered),
    ...(row.last_success !== null && { lastSuccess: instantText(row.last_success) }),
    ...(row.behind !== null && { behind: instantText(row.behind) }),
    ...(row.stalled !== null && { stalled: instantText(row.stalled) }),
    ...(row.failure !== null && { failure: row.failure }),
    created: instantText(row.created),
    createdBy: row.created_by,
  };
}

/** Adds a feed, or gives one other settings: it goes on where it was. A new one begins now, or with the first event. */
export async function putFeed(
  session: Session,
  settings: FeedSettings,
  { by, fromBeginning }: { readonly by: string; readonly fromBeginning: boolean },
): Promise<void> {
  const { name, kind, address, internal, authority = null, certificate = null, secret, batch, active } = settings;
  await session.query(sql`
    insert into audit_feed as f (tenant_id, name, kind, address, internal, authority, certificate, secret, key_id, batch,
      active, created_by, transaction)
    values (${session.tenant}, ${name}, ${kind}, ${address}, ${internal}, ${authority}, ${certificate},
      ${secret?.secret ?? null}, ${secret?.keyId ?? null}::uuid, ${batch}, ${active}, ${by},
      case when ${fromBeginning}::bool then 0 else audit_horizon() end)
    on conflict (tenant_id, name) do update set kind = excluded.kind, address = excluded.address,
      internal = excluded.internal, authority = excluded.authority, certificate = excluded.certificate,
      secret = excluded.secret, key_id = excluded.key_id, batch = excluded.batch, active = excluded.active,
      attempts = 0, next_attempt = clock_timestamp(), lease = null, lease_until = null`);
}

export async function deleteFeed(session: Session, name: string): Promise<boolean> {
  const rows = await session.query(
    sql`delete from audit_feed where tenant_id = ${session.tenant} and name = ${name} returning name`,
  );
  return rows.length > 0;
}

export async function listFeeds(session: Session): Promise<Feed[]> {
  const rows = await session.query<FeedRow>(
    sql`select ${columns} from audit_feed where tenant_id = ${session.tenant} order by name`,
  );
  return rows.map(feedFromRow);
}

/** How many events wait, at most `most`. */
export async function waitingEvents(session: Session, { cursor }: Feed, most: number): Promise<number> {
  const [row] = await session.query<{ count: number }>(sql`select count(*)::int4 as count from (
    select from audit_event e where e.tenant_id = ${session.tenant} and ${after(cursor)} limit ${most}) waiting`);
  return row?.count ?? 0;
}

function after({ transaction, id }: Place): ReturnType<typeof sql> {
  return sql`e.recorded is null and e.transaction >= ${transaction}::int8
    and (e.transaction, e.id) > (${transaction}::int8, ${id}::uuid)`;
}

export interface DueFeed {
  readonly tenant: number;
  readonly name: string;
  /** Its receiver did not take what it was sent last. */
  readonly failing: boolean;
}

/** Feeds of all laboratories that may be tried now and that nobody is at, the one served longest ago first. */
export async function dueFeeds(database: Database): Promise<DueFeed[]> {
  return await database.operator(sql`select tenant_id as tenant, name, attempts > 0 as failing from audit_feed
    where active and next_attempt <= clock_timestamp() and (lease_until is null or lease_until < clock_timestamp())
    order by coalesce(last_success, created)`);
}

/** Of all laboratories: for the metrics. */
export async function feedLags(
  database: Database,
): Promise<{ kind: FeedKind; seconds: number; stalled: number; feeds: number }[]> {
  return await database.operator(sql`select kind, count(*)::int4 as feeds, (count(*) filter (where stalled is not null))::int4 as stalled,
      coalesce(extract(epoch from clock_timestamp() - min(behind)), 0)::float8 as seconds
    from audit_feed where active group by kind`);
}

export interface Lease {
  readonly name: string;
  readonly lease: string;
}

export async function hasWaiting(session: Session, name: string): Promise<boolean> {
  const [row] = await session.query<{ waiting: boolean }>(sql`select exists (select from audit_event e
    where e.tenant_id = ${session.tenant} and e.recorded is null
      and e.transaction >= f.transaction and (e.transaction, e.id) > (f.transaction, f.event) and e.transaction < (select audit_horizon())) as waiting
    from audit_feed f where f.tenant_id = ${session.tenant} and f.name = ${name}`);
  return row?.waiting === true;
}

export async function claimFeed(session: Session, name: string, seconds: number): Promise<(Feed & Lease) | undefined> {
  const lease = randomUUID();
  const [row] = await session.query<FeedRow>(sql`
    update audit_feed set lease = ${lease}::uuid, lease_until = clock_timestamp() + ${seconds} * interval '1 s'
    where tenant_id = ${session.tenant} and name = ${name} and active and next_attempt <= clock_timestamp()
      and (lease_until is null or lease_until < clock_timestamp())
    returning ${columns}`);
  return row && { ...feedFromRow(row), lease };
}

/** False where another process has the feed by now. */
export async function renewFeed(session: Session, { name, lease }: Lease, seconds: number): Promise<boolean> {
  const rows = await session.query(sql`
    update audit_feed set lease_until = clock_timestamp() + ${seconds} * interval '1 s'
    where tenant_id = ${session.tenant} and name = ${name} and lease = ${lease}::uuid returning name`);
  return rows.length > 0;
}

export interface OutgoingEvent extends Place {
  readonly record: AuditRecord;
}

/** The next events of this server, in the order of the seals. */
export async function nextEvents(session: Session, cursor: Place, most: number): Promise<OutgoingEvent[]> {
  const rows = await session.query<EventRow>(sql`select ${eventColumns}
    from audit_event e join audit_agent a on a.tenant_id = e.tenant_id and a.agent = e.agent
    where e.tenant_id = ${session.tenant} and ${after(cursor)} and e.transaction < (select audit_horizon())
    order by e.transaction, e.id limit ${most}`);
  return rows.map((row) => ({ transaction: row.transaction, id: row.id, record: recordFromRow(row) }));
}

/**
 * Leaves out the next event, which the receiver will never take; its id. Whoever is at the feed loses the lease.
 * @returns undefined where nothing waits, or there is no such feed
 */
export async function skipEvent(session: Session, name: string): Promise<string | undefined> {
  const feed = (await listFeeds(session)).find((one) => one.name === name);
  const [next] = feed === undefined ? [] : await nextEvents(session, feed.cursor, 1);
  if (next === undefined) return undefined;
  await session.query(sql`update audit_feed set transaction = ${next.transaction}, event = ${next.id}::uuid,
      kept_transaction = null, kept_event = null, attempts = 0,
      next_attempt = clock_timestamp(), lease = null, lease_until = null
    where tenant_id = ${session.tenant} and name = ${name}`);
  return next.id;
}

/** The receiver took the events up to this one; false where another process has the feed by now. */
export async function advanceFeed(
  session: Session,
  { name, lease }: Lease,
  { last, count, seconds }: { readonly last: OutgoingEvent; readonly count: number; readonly seconds: number },
): Promise<boolean> {
  const rows =
    await session.query(sql`update audit_feed set transaction = ${last.transaction}, event = ${last.id}::uuid,
      kept_transaction = case when kind = 'syslog' and stalled is null then transaction end,
      kept_event = case when kind = 'syslog' and stalled is null then event end,
      delivered = delivered + ${count}, last_success = clock_timestamp(), behind = ${new Date(last.record.time).toISOString()},
      stalled = null, failure = null, attempts = 0, lease_until = clock_timestamp() + ${seconds} * interval '1 s'
    where tenant_id = ${session.tenant} and name = ${name} and lease = ${lease}::uuid returning name`);
  return rows.length > 0;
}

/** Nothing waits any more, or others shall have their turn (`more`). */
export async function releaseFeed(session: Session, { name, lease }: Lease, more: boolean): Promise<void> {
  await session.query(sql`update audit_feed set lease = null, lease_until = null,
      behind = case when ${more}::bool then behind end
    where tenant_id = ${session.tenant} and name = ${name} and lease = ${lease}::uuid`);
}

export interface FeedFailure {
  /** A sentence; names no secret and no patient. */
  readonly sentence: string;
  /** The time of the event that was not taken. */
  readonly behind: number;
  /** Until the next attempt. */
  readonly seconds: number;
}

/** False where another process has the feed by now. */
export async function failFeed(
  session: Session,
  { name, lease }: Lease,
  { sentence, behind, seconds }: FeedFailure,
): Promise<boolean> {
  const rows = await session.query(sql`update audit_feed set attempts = attempts + 1, failure = ${sentence},
      transaction = coalesce(kept_transaction, transaction), event = coalesce(kept_event, event),
      kept_transaction = null, kept_event = null,
      stalled = coalesce(stalled, clock_timestamp()), behind = ${new Date(behind).toISOString()},
      next_attempt = clock_timestamp() + ${seconds} * interval '1 s', lease = null, lease_until = null
    where tenant_id = ${session.tenant} and name = ${name} and lease = ${lease}::uuid returning name`);
  return rows.length > 0;
}
