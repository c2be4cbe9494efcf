/**
 * Messages of the gateways (migrations/0019-message.sql): stored as they came before they are acknowledged, then marked
 * with what became of them.
 */
import type { JsonObject } from '../fhir/json.ts';
import { instantText, tell, type Session } from './pool.ts';
import { join, sql, type Sql } from './sql.ts';

/**
 * `received`: to be applied; `stored`: kept and acknowledged only; `failed`: waits for somebody; `replayed`: failed before it
 * was applied. (What is translated is applied in the same transaction: no message is seen between the two.) Of those that go
 * out, `queued`: to be sent; `accepted`: the peer has it and will say what became of it; `sent`: it was taken.
 */
export const messageStatuses = [
  'received',
  'stored',
  'applied',
  'replayed',
  'rejected',
  'failed',
  'queued',
  'accepted',
  'sent',
] as const;
export type MessageStatus = (typeof messageStatuses)[number];

export function isApplied({ status }: { readonly status: MessageStatus }): boolean {
  return status === 'applied' || status === 'replayed';
}

export interface NewMessage {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly received: number;
  readonly direction: 'in' | 'out';
  readonly protocol: 'hl7v2' | 'astm';
  readonly status: MessageStatus;
  /** Id of the Endpoint. */
  readonly interface: string;
  readonly peer: string;
  readonly sender: string;
  readonly type: string;
  readonly controlId: string;
  readonly charset: string;
  /** SHA-256 of what a repetition has in common with it. */
  readonly content: Buffer;
  readonly raw: Buffer;
  /** What it is about, until it is applied (lockKeys): none for what may be about anything. */
  readonly about?: readonly string[];
  /** Of one that goes out: the version that it was made of, `DiagnosticReport/7/_history/2`. */
  readonly source?: string;
  /** Ids of the patients that it is about, where that is known already. */
  readonly patients?: readonly string[];
}

export interface StoredMessage extends Omit<NewMessage, 'received'> {
  /** FHIR instant. */
  readonly received: string;
  readonly ack: Buffer | undefined;
  readonly problems: readonly JsonObject[];
  readonly resources: readonly string[];
  readonly attempts: number;
}

export interface MessageRow {
  id: string;
  received: string;
  direction: 'in' | 'out';
  protocol: 'hl7v2' | 'astm';
  status: MessageStatus;
  interface: string;
  peer: string;
  sender: string;
  type: string;
  control_id: string;
  charset: string;
  content: Buffer;
  raw: Buffer;
  ack: Buffer | null;
  problems: string | null;
  resources: string | null;
  attempts: number;
  source: string | null;
  patients: string[] | null;
}

export const messageColumns = sql`m.id, m.received, m.direction, m.protocol, m.status, m.interface, m.peer, m.sender, m.type, m.control_id,
  m.charset, m.content, m.raw, m.ack, m.problems, m.resources, m.attempts, m.source, m.patients`;

export function fromRow({
  control_id: controlId,
  received,
  ack,
  problems,
  resources,
  source,
  patients,
  ...row
}: MessageRow): StoredMessage {
  return {
    ...row,
    ...(source !== null && { source }),
    ...(patients !== null && { patients }),
    controlId,
    received: instantText(received),
    ack: ack ?? undefined,
    problems: problems === null ? [] : (JSON.parse(problems) as JsonObject[]),
    resources: resources === null ? [] : (JSON.parse(resources) as string[]),
  };
}

export async function addMessage(session: Session, message: NewMessage): Promise<void> {
  const { id, direction, protocol, status, peer, sender, type, controlId, charset, content, raw } = message;
  await session.query(sql`insert into message
      (tenant_id, id, received, direction, protocol, status, interface, peer, sender, type, control_id, charset, content, raw,
        source, patients, about)
    values (${session.tenant}, ${id}, ${new Date(message.received).toISOString()}, ${direction}, ${protocol}, ${status},
      ${message.interface}, ${peer}, ${sender}, ${type}, ${controlId}, ${charset}, ${content}, ${raw},
      ${message.source ?? null}, ${message.patients ?? null}::text[], ${message.about ?? null}::int8[])`);
}

/** One that is stored together with what became of it. */
export async function addFinished(session: Session, message: NewMessage, became: Became): Promise<void> {
  const { id, direction, protocol, peer, sender, type, controlId, charset, content, raw } = message;
  const { status, ack, problems = [], resources = [], patients } = became;
  await tell(
    session,
    sql`insert into message
      (tenant_id, id, received, finished, direction, protocol, status, interface, peer, sender, type, control_id, charset,
        content, raw, ack, problems, resources, patients, attempts)
    values (${session.tenant}, ${id}, ${new Date(message.received).toISOString()}, clock_timestamp(), ${direction},
      ${protocol}, ${status}, ${message.interface}, ${peer}, ${sender}, ${type}, ${controlId}, ${charset}, ${content}, ${raw},
      ${ack ?? null}, ${JSON.stringify(problems)}::jsonb, ${JSON.stringify(resources)}::jsonb, ${patients ?? null}::text[], 1)`,
  );
}

export interface Became {
  readonly status: MessageStatus;
  readonly ack?: Buffer;
  readonly problems?: readonly JsonObject[];
  readonly resources?: readonly string[];
  /** Ids. */
  readonly patients?: readonly string[];
}

/** Marks what became of a message: a repetition gets the last acknowledgement. */
export async function finishMessage(session: Session, id: string, became: Became): Promise<void> {
  const { status, ack, problems = [], resources = [], patients } = became;
  await tell(
    session,
    sql`update message
    set status = case when status = 'failed' and ${status} = 'applied' then 'replayed' else ${status} end,
      finished = clock_timestamp(), attempts = attempts + 1,
      ack = coalesce(${ack ?? null}::bytea, ack), problems = ${JSON.stringify(problems)}::jsonb,
      resources = ${JSON.stringify(resources)}::jsonb, patients = ${patients ?? null}::text[], about = null
    where tenant_id = ${session.tenant} and id = ${id}`,
  );
}

/** What it became got the codings that were missing: versions more, problems less. */
export async function recodeMessage(
  session: Session,
  id: string,
  { problems, resources }: Pick<StoredMessage, 'problems' | 'resources'>,
): Promise<void> {
  await session.query(sql`update message set problems = ${JSON.stringify(problems)}::jsonb,
      resources = ${JSON.stringify(resources)}::jsonb
    where tenant_id = ${session.tenant} and id = ${id}`);
}

/** Locks a message until the end of the transaction; false where it was applied already. */
export async function claimMessage(session: Session, id: string): Promise<boolean> {
  const [row] = await session.query<{ status: MessageStatus }>(
    sql`select status from message where tenant_id = ${session.tenant} and id = ${id} for no key update`,
  );
  return row !== undefined && !isApplied(row);
}

/** The message that this one repeats: the newest with the same content of this interface. */
export async function repeatedMessage(
  session: Session,
  { interface: name, content }: Pick<NewMessage, 'interface' | 'content'>,
): Promise<StoredMessage | undefined> {
  const [row] = await session.query<MessageRow>(sql`select ${messageColumns} from message m
    where m.tenant_id = ${session.tenant} and m.interface = ${name} and m.content = ${content} and m.direction = 'in'
    order by m.sequence desc limit 1`);
  return row && fromRow(row);
}

/** Whether no message of the interface has this content, and none that was acknowledged as taken waits before it. */
export async function isNewMessage(
  session: Session,
  { interface: name, content, about }: Pick<NewMessage, 'interface' | 'content'> & Pick<Earlier, 'about'>,
): Promise<boolean> {
  const asked = { interface: name, about: about?.length === 0 ? undefined : about };
  const [row] = await session.query<{ new: boolean }>(sql`select not exists (select from message m
      where m.tenant_id = ${session.tenant} and m.interface = ${name} and m.content = ${content} and m.direction = 'in')
    and not exists (${waiting(session, asked)}) as new`);
  return row?.new === true;
}

interface Earlier {
  readonly interface: string;
  readonly about: readonly string[] | undefined;
  readonly before?: string;
}

/** Messages that were acknowledged as taken and are still to be applied. */
function waiting({ tenant }: Session, { interface: name, about }: Omit<Earlier, 'before'>): Sql {
  return sql`select m.id, m.sequence from message m
    where m.tenant_id = ${tenant} and m.interface = ${name} and m.status = 'received' and m.direction = 'in'
      and (m.about is null or ${about ?? null}::int8[] is null or m.about && ${about ?? null}::int8[])`;
}

/**
 * Ids of messages of the interface that were acknowledged as taken and are still to be applied, about the same as this one
 * (lockKeys; null is about anything), the oldest first: by this process or by another.
 */
export async function earlierMessages(session: Session, { before, ...asked }: Earlier): Promise<string[]> {
  const rows = await session.query<{ id: string }>(sql`select m.id from (${waiting(session, asked)}) m
    where (${before ?? null}::uuid is null or m.sequence < (select o.sequence from message o
        where o.tenant_id = ${session.tenant} and o.id = ${before ?? null}::uuid))
    order by m.sequence limit 1000`);
  return rows.map(({ id }) => id);
}

export async function readMessage(session: Session, id: string): Promise<StoredMessage | undefined> {
  const [row] = await session.query<MessageRow>(
    sql`select ${messageColumns} from message m where m.tenant_id = ${session.tenant} and m.id = ${id}`,
  );
  return row && fromRow(row);
}

export interface MessagesAsked {
  readonly status?: MessageStatus;
  readonly direction?: 'in' | 'out';
  readonly interface?: string;
  readonly controlId?: string;
  /** Id of the last one of the page before. */
  readonly before?: string;
  readonly count: number;
}

/** The newest first. */
export async function listMessages(session: Session, asked: MessagesAsked): Promise<StoredMessage[]> {
  const conditions = [
    sql`m.tenant_id = ${session.tenant}`,
    ...(asked.status === undefined ? [] : [sql`m.status = ${asked.status}`]),
    ...(asked.direction === undefined ? [] : [sql`m.direction = ${asked.direction}`]),
    ...(asked.interface === undefined ? [] : [sql`m.interface = ${asked.interface}`]),
    ...(asked.controlId === undefined ? [] : [sql`m.control_id = ${asked.controlId}`]),
    ...(asked.before === undefined
      ? []
      : [
          sql`(m.received, m.id) < (select b.received, b.id from message b
            where b.tenant_id = ${session.tenant} and b.id = ${asked.before})`,
        ]),
  ];
  const rows =
    await session.query<MessageRow>(sql`select ${messageColumns} from message m where ${join(conditions, ' and ')}
    order by m.received desc, m.id desc limit ${asked.count}`);
  return rows.map(fromRow);
}

/** Ids of what was received and not finished, the oldest first: a process died at it, or the database was away. */
export async function unfinishedMessages(session: Session, name: string, most: number): Promise<string[]> {
  const rows = await session.query<{ id: string }>(sql`select m.id from message m
    where m.tenant_id = ${session.tenant} and m.interface = ${name} and m.status = 'received' and m.direction = 'in'
    order by m.sequence limit ${most}`);
  return rows.map(({ id }) => id);
}
