/** What is published of the seals (migrations/0017-audit-segments.sql): the seals that follow, and how far an address has them. */
import type { PublishedSeal } from '../audit/published.ts';
import type { Session } from './pool.ts';
import { sql } from './sql.ts';

interface Row {
  number: string;
  content: string;
  signature: Buffer;
  key_id: string;
}

function fromRow({ number, content, signature, key_id: keyId }: Row): PublishedSeal {
  return { number: Number(number), content, signature, keyId };
}

/** One process writes the file of a laboratory at a time: true where this transaction is the one. */
export async function beginPublishing(session: Session): Promise<boolean> {
  const [row] = await session.query<{ locked: boolean }>(
    sql`select pg_try_advisory_xact_lock(hashtextextended('audit-publish', ${session.tenant})) as locked`,
  );
  return row?.locked === true;
}

/** The seals after a number, in their order. */
export async function nextSeals(session: Session, after: number, most: number): Promise<PublishedSeal[]> {
  const rows = await session.query<Row>(sql`select number, content, signature, key_id from audit_seal
    where tenant_id = ${session.tenant} and number > ${after} order by number limit ${most}`);
  return rows.map(fromRow);
}

export async function sealNumbered(session: Session, number: number): Promise<PublishedSeal | undefined> {
  const [row] = await session.query<Row>(sql`select number, content, signature, key_id from audit_seal
    where tenant_id = ${session.tenant} and number = ${number}`);
  return row && fromRow(row);
}

/** Where sending to an address stands. */
export interface Sending {
  /** The last seal that was taken. */
  readonly number: number;
  readonly failures: number;
}

/** Takes the sending to an address upon this process for some seconds; undefined where another has it or it waits. */
export async function claimSending(session: Session, address: string, seconds: number): Promise<Sending | undefined> {
  await session.query(sql`insert into audit_publication (tenant_id, address) values (${session.tenant}, ${address})
    on conflict do nothing`);
  const [row] = await session.query<{ number: string; failures: number }>(sql`update audit_publication
    set held = clock_timestamp() + make_interval(secs => ${seconds})
    where tenant_id = ${session.tenant} and address = ${address} and held < clock_timestamp()
      and next_try <= clock_timestamp()
      and number < (select max(number) from audit_seal where tenant_id = ${session.tenant})
    returning number, failures`);
  return row && { number: Number(row.number), failures: row.failures };
}

/** A seal was taken; false where another process was faster. */
export async function noteTaken(
  session: Session,
  address: string,
  { number, hash, seconds }: { number: number; hash: string; seconds: number },
): Promise<boolean> {
  const rows = await session.query(sql`update audit_publication
    set number = ${number}, hash = ${hash}, failures = 0, problem = null,
      held = clock_timestamp() + make_interval(secs => ${seconds})
    where tenant_id = ${session.tenant} and address = ${address} and number < ${number} returning 1`);
  return rows.length > 0;
}

/** Nothing more is sent for so many seconds. */
export async function noteFailure(
  session: Session,
  address: string,
  { problem, seconds }: { problem: string; seconds: number },
): Promise<void> {
  await session.query(sql`update audit_publication
    set failures = failures + 1, problem = ${problem}, held = '-infinity',
      next_try = clock_timestamp() + make_interval(secs => ${seconds})
    where tenant_id = ${session.tenant} and address = ${address}`);
}

export async function releaseSending(session: Session, address: string): Promise<void> {
  await session.query(sql`update audit_publication set held = '-infinity'
    where tenant_id = ${session.tenant} and address = ${address}`);
}
