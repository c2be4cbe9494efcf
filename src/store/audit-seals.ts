/**
 * The seals of the audit log (src/audit/seal.ts): what is to be sealed next, and those that are there.
 *
 * An event belongs to a seal by the transaction that wrote it. Below `audit_horizon()` no transaction is running, so
 * that no event can appear there any more: however late a transaction commits and whatever the clock says, no event comes
 * to stand before a seal, and none is left between two.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { instantText, type Database, type Session } from './pool.ts';
import { sql } from './sql.ts';

export interface StoredSeal {
  readonly number: number;
  readonly low: string;
  readonly high: string;
  readonly content: string;
  readonly keyId: string;
  readonly signature: Buffer;
  /** 32 bytes for each event. */
  readonly leaves: Buffer;
}

interface SealRow {
  number: string;
  low: string;
  high: string;
  content: string;
  key_id: string;
  signature: Buffer;
  leaves: Buffer;
}

/** Most events of one seal, but for the last transaction's. */
const most = 20_000;

/** One process seals a laboratory at a time: true where this transaction is the one. */
export async function beginSealing(session: Session): Promise<boolean> {
  const [row] = await session.query<{ locked: boolean }>(
    sql`select pg_try_advisory_xact_lock(hashtextextended('audit-seal', ${session.tenant})) as locked`,
  );
  return row?.locked === true;
}

/** Whether there are events after the last seal: one look into each of two indexes. */
export async function hasOpenEvents(database: Pick<Database, 'query'>, tenant: number): Promise<boolean> {
  const [row] = await database.query<{ open: boolean }>(
    tenant,
    // Not whether there is one above: PostgreSQL expects a third of all to be, and looks from the other end (60 ms for 300,000).
    sql`select coalesce((select transaction from audit_event where tenant_id = ${tenant} order by transaction desc limit 1)
      >= coalesce((select high from audit_seal where tenant_id = ${tenant} order by number desc limit 1), 0), false) as open`,
  );
  return row?.open === true;
}

/** The transactions whose events the next seal covers; undefined where there are none. */
export async function toBeSealed(session: Session, low: string): Promise<{ low: string; high: string } | undefined> {
  const [row] = await session.query<{ horizon: string; first: string | null; beyond: string | null }>(sql`
    select h.horizon,
      (select transaction from audit_event where tenant_id = ${session.tenant} and transaction >= ${low}
        order by transaction limit 1) as first,
      (select transaction from audit_event where tenant_id = ${session.tenant} and transaction >= ${low}
        order by transaction offset ${most} limit 1) as beyond
    from (select audit_horizon() as horizon) h`);
  if (row === undefined || row.first === null || BigInt(row.first) >= BigInt(row.horizon)) return undefined;
  const { horizon, first, beyond } = row;
  if (beyond === null || BigInt(beyond) >= BigInt(horizon)) return { low, high: horizon };
  // A transaction is sealed whole, however many events it has.
  return { low, high: String(beyond === first ? BigInt(beyond) + 1n : BigInt(beyond)) };
}

export async function addSeal(session: Session, seal: StoredSeal): Promise<void> {
  await session.query(sql`insert into audit_seal (tenant_id, number, low, high, content, key_id, signature, leaves)
    values (${session.tenant}, ${seal.number}, ${seal.low}, ${seal.high}, ${seal.content}, ${seal.keyId},
      ${seal.signature}, ${seal.leaves})`);
}

export async function lastSeal(session: Session): Promise<StoredSeal | undefined> {
  const [row] = await session.query<SealRow>(sql`select number, low, high, content, key_id, signature, leaves
    from audit_seal where tenant_id = ${session.tenant} order by number desc limit 1`);
  return row && sealFromRow(row);
}

const page = 500;

/** A seal without the hashes of its events. */
export type SealHead = Omit<StoredSeal, 'leaves'>;

/** The seals from a number on, in their order. */
export async function* sealsFrom(session: Session, first: number): AsyncGenerator<SealHead> {
  for (let from = first; ;) {
    const rows = await session.query<Omit<SealRow, 'leaves'>>(sql`select number, low, high, content, key_id, signature
      from audit_seal where tenant_id = ${session.tenant} and number >= ${from} order by number limit ${page}`);
    for (const { number, key_id: keyId, ...row } of rows) yield { ...row, number: Number(number), keyId };
    const last = rows.at(-1);
    if (last === undefined || rows.length < page) return;
    from = Number(last.number) + 1;
  }
}

/** The hashes of the events of seals, by the number of the seal. */
export async function leavesOf(session: Session, first: number, last: number): Promise<ReadonlyMap<number, Buffer>> {
  const rows = await session.query<{ number: string; leaves: Buffer }>(sql`select number, leaves from audit_seal
    where tenant_id = ${session.tenant} and number between ${first} and ${last}`);
  return new Map(rows.map(({ number, leaves }) => [Number(number), leaves]));
}

/** The seal that an event is under. @throws OutcomeError `not-found` */
export async function sealOfEvent(session: Session, id: string): Promise<StoredSeal | undefined> {
  const [event] = await session.query<{ transaction: string }>(sql`select transaction from audit_event
    where tenant_id = ${session.tenant} and time = ${timeOfId(id)}::timestamptz and id = ${id}`);
  if (event === undefined) throw outcomeError('not-found', `There is no AuditEvent/${id}.`);
  const [row] = await session.query<SealRow>(sql`select number, low, high, content, key_id, signature, leaves
    from audit_seal where tenant_id = ${session.tenant} and low <= ${event.transaction} and high > ${event.transaction}
    order by number limit 1`);
  return row && sealFromRow(row);
}

/** The time that a UUIDv7 begins with, which is the event's. */
export function timeOfId(id: string): string {
  return new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toISOString();
}

/** Events without a seal, and the time of the oldest. */
export async function openEvents(
  session: Session,
  low: string,
): Promise<{ count: number; oldest: string | undefined }> {
  const [row] = await session.query<{ count: number; oldest: string | null }>(sql`
    select count(*)::int4 as count, min(time) as oldest
    from audit_event where tenant_id = ${session.tenant} and transaction >= ${low}`);
  const { count = 0, oldest = null } = row ?? {};
  return { count, oldest: oldest === null ? undefined : instantText(oldest) };
}

function sealFromRow({ number, key_id: keyId, ...rest }: SealRow): StoredSeal {
  return { ...rest, number: Number(number), keyId };
}
