/**
 * Queues of messages that go out (tables outbound_queue, outbound_change, message): one for each interface, in the order
 * in which the messages were made.
 *
 * 1. One process is at a queue at a time: whoever lost the lease changes nothing of it any more.
 * 2. A message leaves the queue when the peer has taken or refused it, in one transaction with the event that says so: one
 *    that was under way when a process died is sent again, as it was, by the next.
 */
import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../fhir/json.ts';
import { fromRow, messageColumns, type MessageRow, type MessageStatus, type StoredMessage } from './messages.ts';
import { instantText, type Database, type Session } from './pool.ts';
import type { EncryptedSecret } from './secrets.ts';
import { sql } from './sql.ts';

export interface Held {
  /** Id of the Endpoint. */
  readonly interface: string;
  readonly lease: string;
}

export interface QueueState {
  /** Of the message at the head, in a row. */
  readonly attempts: number;
  /** FHIR instants. */
  readonly stalled?: string;
  readonly failure?: string;
  readonly lastSuccess?: string;
}

interface StateRow {
  attempts: number;
  stalled: string | null;
  failure: string | null;
  last_success: string | null;
}

function stateOf({ attempts, stalled, failure, last_success: lastSuccess }: StateRow): QueueState {
  return {
    attempts,
    ...(stalled !== null && { stalled: instantText(stalled) }),
    ...(failure !== null && { failure }),
    ...(lastSuccess !== null && { lastSuccess: instantText(lastSuccess) }),
  };
}

/** Makes the queue of an interface, if there is none. */
export async function ensureQueue(session: Session, name: string): Promise<void> {
  await session.query(sql`insert into outbound_queue (tenant_id, interface) values (${session.tenant}, ${name})
    on conflict do nothing`);
}

/** Queues of all laboratories with something to do, that nobody is at or that one of these leases holds. */
export async function dueQueues(
  database: Database,
  leases: readonly string[],
): Promise<{ tenant: number; interface: string }[]> {
  return await database.operator(sql`select q.tenant_id as tenant, q.interface from outbound_queue q
    where q.next_attempt <= clock_timestamp()
      and (q.lease_until is null or q.lease_until < clock_timestamp() or q.lease = any(${leases}::uuid[]))
      and (exists (select from outbound_change c where c.tenant_id = q.tenant_id and c.interface = q.interface)
        or exists (select from message m where m.tenant_id = q.tenant_id and m.interface = q.interface
          and m.direction = 'out' and m.status = 'queued'))`);
}

export async function claimQueue(session: Session, name: string, seconds: number): Promise<Held | undefined> {
  const lease = randomUUID();
  const rows = await session.query(sql`
    update outbound_queue set lease = ${lease}::uuid, lease_until = clock_timestamp() + ${seconds} * interval '1 s'
    where tenant_id = ${session.tenant} and interface = ${name}
      and (lease_until is null or lease_until < clock_timestamp())
    returning 1`);
  return rows.length === 0 ? undefined : { interface: name, lease };
}

/** False where another process has it by now. */
export async function renewQueue(session: Session, held: Held, seconds: number): Promise<boolean> {
  const rows = await session.query(sql`
    update outbound_queue set lease_until = clock_timestamp() + ${seconds} * interval '1 s'
    where tenant_id = ${session.tenant} and interface = ${held.interface} and lease = ${held.lease}::uuid returning 1`);
  return rows.length > 0;
}

export async function releaseQueue(session: Session, held: Held): Promise<void> {
  await session.query(sql`update outbound_queue set lease = null, lease_until = null
    where tenant_id = ${session.tenant} and interface = ${held.interface} and lease = ${held.lease}::uuid`);
}

/** Locks the queue until the end of the transaction; undefined where another process has it by now. */
export async function lockQueue(session: Session, held: Held): Promise<QueueState | undefined> {
  const [row] = await session.query<StateRow>(sql`select attempts, stalled, failure, last_success from outbound_queue
    where tenant_id = ${session.tenant} and interface = ${held.interface} and lease = ${held.lease}::uuid
    for no key update`);
  return row && stateOf(row);
}

/** The message at the head is done with. */
export async function queueMoved(session: Session, name: string): Promise<void> {
  await session.query(sql`update outbound_queue set attempts = 0, next_attempt = clock_timestamp(), stalled = null,
      failure = null, last_success = clock_timestamp()
    where tenant_id = ${session.tenant} and interface = ${name}`);
}

export interface QueueFailure {
  /** A sentence; names no secret and no patient. */
  readonly sentence: string;
  /** Until the next attempt. */
  readonly seconds: number;
  readonly stalls: boolean;
}

/** @returns whether it stalls from now on */
export async function queueFailed(
  session: Session,
  name: string,
  { sentence, seconds, stalls }: QueueFailure,
): Promise<void> {
  await session.query(sql`update outbound_queue set attempts = attempts + 1, failure = ${sentence},
      next_attempt = clock_timestamp() + ${seconds} * interval '1 s',
      stalled = case when ${stalls}::bool then coalesce(stalled, clock_timestamp()) else stalled end
    where tenant_id = ${session.tenant} and interface = ${name}`);
}

/** The message at the head of the queue. */
export async function nextMessage(session: Session, name: string): Promise<StoredMessage | undefined> {
  const [row] = await session.query<MessageRow>(sql`select ${messageColumns} from message m
    where m.tenant_id = ${session.tenant} and m.interface = ${name} and m.direction = 'out' and m.status = 'queued'
    order by m.sequence limit 1`);
  return row && fromRow(row);
}

export interface Sent {
  readonly status: Extract<MessageStatus, 'queued' | 'accepted' | 'sent' | 'failed'>;
  readonly ack?: Buffer | undefined;
  readonly problems?: readonly JsonObject[];
}

/** What became of a message that went out. What the peer said later, and was quicker, is not undone by what it said first. */
export async function markSent(session: Session, id: string, { status, ack, problems = [] }: Sent): Promise<void> {
  await session.query(sql`update message set attempts = attempts + 1, finished = clock_timestamp(),
      status = case when ${status} = 'accepted' and status <> 'queued' then status else ${status} end,
      ack = coalesce(${ack ?? null}::bytea, ack), problems = ${JSON.stringify(problems)}::jsonb
    where tenant_id = ${session.tenant} and id = ${id}`);
}

/** What the peer says later of a message that it has (enhanced mode): by its MSH-10. Locked. */
export async function awaitedMessage(
  session: Session,
  name: string,
  controlId: string,
): Promise<StoredMessage | undefined> {
  const [row] = await session.query<MessageRow>(sql`select ${messageColumns} from message m
    where m.tenant_id = ${session.tenant} and m.interface = ${name} and m.direction = 'out'
      and m.control_id = ${controlId} and m.status in ('queued', 'accepted', 'sent', 'failed')
    order by m.sequence desc limit 1 for no key update`);
  return row && fromRow(row);
}

/** Puts one that was given up back into its queue, where it was; false where it waits or was taken. */
export async function requeueMessage(session: Session, id: string): Promise<boolean> {
  const rows = await session.query<{ interface: string }>(sql`update message set status = 'queued', finished = null
    where tenant_id = ${session.tenant} and id = ${id} and direction = 'out' and status in ('failed', 'accepted')
      and length(raw) > 0
    returning interface`);
  for (const row of rows) {
    await session.query(sql`update outbound_queue set attempts = 0, next_attempt = clock_timestamp()
      where tenant_id = ${session.tenant} and interface = ${row.interface}`);
  }
  return rows.length > 0;
}

export interface Change {
  readonly sequence: string;
  readonly rid: string;
  readonly version: number;
}

/** Versions that messages are to be made of, the oldest first. */
export async function nextChanges(session: Session, name: string, most: number): Promise<Change[]> {
  return session.query<Change>(sql`select c.sequence::text, c.rid::text, c.ver as version from outbound_change c
    where c.tenant_id = ${session.tenant} and c.interface = ${name} order by c.sequence limit ${most}`);
}

/** The newest version of a resource that the interface was told of, by the type of the message; refused ones count for nothing. */
export async function toldVersions(session: Session, name: string, resource: string): Promise<Map<string, number>> {
  const rows = await session.query<{ type: string; version: number }>(sql`
    select m.type, max(split_part(m.source, '/_history/', 2)::int4) as version from message m
    where m.tenant_id = ${session.tenant} and m.interface = ${name} and m.direction = 'out' and m.source is not null
      and m.source >= ${`${resource}/_history/`} and m.source < ${`${resource}/_history0`} and m.status <> 'failed'
    group by m.type`);
  return new Map(rows.map(({ type, version }) => [type, version]));
}

export async function dropChange(session: Session, name: string, sequence: string): Promise<void> {
  await session.query(sql`delete from outbound_change
    where tenant_id = ${session.tenant} and interface = ${name} and sequence = ${sequence}::int8`);
}

export interface QueueStatus extends QueueState {
  readonly interface: string;
  /** Messages that wait, and changes that wait to become messages. */
  readonly waiting: number;
  readonly failed: number;
  /** FHIR instant: of the oldest that waits. */
  readonly oldest?: string;
}

/** How the queues of a laboratory stand. */
export async function queueStatuses(session: Session): Promise<QueueStatus[]> {
  const rows = await session.query<
    StateRow & { interface: string; waiting: number; failed: number; oldest: string | null }
  >(
    sql`select q.interface, q.attempts, q.stalled, q.failure, q.last_success,
      (count(*) filter (where m.status = 'queued'))::int4 + (select count(*)::int4 from outbound_change c
        where c.tenant_id = q.tenant_id and c.interface = q.interface) as waiting,
      (count(*) filter (where m.status = 'failed'))::int4 as failed,
      min(m.received) filter (where m.status = 'queued') as oldest
    from outbound_queue q left join message m on m.tenant_id = q.tenant_id and m.interface = q.interface
      and m.direction = 'out' and m.status in ('queued', 'failed')
    where q.tenant_id = ${session.tenant}
    group by q.tenant_id, q.interface order by q.interface`,
  );
  return rows.map(({ interface: name, waiting, failed, oldest, ...state }) => ({
    interface: name,
    ...stateOf(state),
    waiting,
    failed,
    ...(oldest !== null && { oldest: instantText(oldest) }),
  }));
}

/** Of all laboratories: for the metrics. */
export async function queueLags(database: Database): Promise<{ stalled: number; waiting: number; seconds: number }> {
  const [row] = await database.operator<{ stalled: number; waiting: number; seconds: number }>(sql`
    select (select count(*)::int4 from outbound_queue where stalled is not null) as stalled,
      count(*)::int4 as waiting, coalesce(extract(epoch from clock_timestamp() - min(received)), 0)::float8 as seconds
    from message where direction = 'out' and status = 'queued'`);
  return row ?? { stalled: 0, waiting: 0, seconds: 0 };
}

export interface Peer {
  /** Set by the operator: may lie in a network that is not public. */
  readonly operatorAddress: string | undefined;
  /** PEM. */
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  readonly secret: EncryptedSecret | undefined;
}

export async function readPeer(session: Session, name: string): Promise<Peer> {
  const [row] = await session.query<{
    operator_address: string | null;
    authority: string | null;
    certificate: string | null;
    secret: Buffer | null;
    key_id: string | null;
  }>(sql`select operator_address, authority, certificate, secret, key_id from outbound_queue
    where tenant_id = ${session.tenant} and interface = ${name}`);
  return {
    operatorAddress: row?.operator_address ?? undefined,
    authority: row?.authority ?? undefined,
    certificate: row?.certificate ?? undefined,
    secret: row?.secret && row.key_id !== null ? { secret: row.secret, keyId: row.key_id } : undefined,
  };
}

/** Makes the queue, with what the operator says of its peer. */
export async function setPeer(session: Session, name: string, peer: Peer): Promise<void> {
  const { operatorAddress = null, authority = null, certificate = null, secret } = peer;
  await session.query(sql`
    insert into outbound_queue (tenant_id, interface, operator_address, authority, certificate, secret, key_id)
    values (${session.tenant}, ${name}, ${operatorAddress}, ${authority}, ${certificate}, ${secret?.secret ?? null},
      ${secret?.keyId ?? null}::uuid)
    on conflict (tenant_id, interface) do update set operator_address = excluded.operator_address,
      authority = excluded.authority, certificate = excluded.certificate, secret = excluded.secret,
      key_id = excluded.key_id, attempts = 0, next_attempt = clock_timestamp()`);
}
