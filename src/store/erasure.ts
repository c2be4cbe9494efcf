/**
 * Erasing what is stored of a patient, in one transaction (operations/erase.ts says what goes).
 *
 * 1. Nothing goes without a tombstone: resources and versions are deleted by a function of the database that reads which
 *    from the tombstones (migrations/0013-erasure.sql). The application has no right to delete them.
 * 2. What hangs on them goes by the table of fates (erasure-tables.ts).
 * 3. Files are noted in the same transaction and deleted after it (jobs/delete-erased-files.ts).
 */
import { fates, type Fate } from './erasure-tables.ts';
import type { Session } from './pool.ts';
import type { Key } from './read.ts';
import { join, raw, sql, type Sql } from './sql.ts';

export interface Erasure {
  readonly id: string;
  readonly patient: string;
  readonly reason: string;
  readonly rule?: string;
  readonly kept: readonly string[];
  readonly by: string;
}

export interface Numbered extends Key {
  readonly rid: string;
}

/** Until the transaction ends nobody else writes resources of the laboratory, nor makes index rows anew. */
export async function holdWrites(session: Session): Promise<void> {
  await session.query(sql`select pg_advisory_xact_lock(hashtextextended('reindex', ${session.tenant}::int8))`);
  await session.query(sql`select hold_writes(${session.tenant}::int4)`);
}

/** The last erasure of a patient. */
export async function lastErasure(session: Session, patient: string): Promise<string | undefined> {
  const [row] = await session.query<{ erasure: string }>(sql`
    select erasure from erasure where tenant_id = ${session.tenant} and patient = ${patient} order by at desc limit 1`);
  return row?.erasure;
}

/** The tombstones; what they name is locked. */
export async function addTombstones(
  session: Session,
  { id, patient, reason, rule, kept, by }: Erasure,
  resources: readonly Numbered[],
  versions: readonly { readonly rid: string; readonly version: number }[],
): Promise<void> {
  const { tenant } = session;
  const rids = resources.map(({ rid }) => rid);
  await session.query(sql`
    select rid from resource where tenant_id = ${tenant} and rid = any(${rids}::int8[]) order by rid for update`);
  await session.query(sql`
    insert into erasure (tenant_id, erasure, patient, reason, rule, kept, made_by)
    values (${tenant}, ${id}::uuid, ${patient}, ${reason}, ${rule ?? null}, ${kept}::text[], ${by})`);
  await session.query(sql`
    insert into erased (tenant_id, type, fhir_id, rid, erasure)
    select ${tenant}::int4, e.type, e.id, e.rid, ${id}::uuid
    from unnest(${resources.map(({ type }) => type)}::int2[], ${resources.map((one) => one.id)}::text[], ${rids}::int8[])
      as e(type, id, rid)`);
  await session.query(sql`
    insert into erased_version (tenant_id, rid, ver, erasure)
    select ${tenant}::int4, e.rid, e.ver, ${id}::uuid
    from unnest(${versions.map(({ rid }) => rid)}::int8[], ${versions.map(({ version }) => version)}::int4[]) as e(rid, ver)
    on conflict do nothing`);
}

export interface Purged {
  readonly versions: number;
  readonly files: number;
  readonly accounts: number;
  /** Further rows that named the patient: sign-ins, launches, app state, overrides, messages. */
  readonly traces: number;
}

export interface Erasing {
  readonly resources: readonly Numbered[];
  readonly patient: string;
  readonly persons: readonly Person[];
  /** Values by which messages that were not applied may be known to be his. */
  readonly identifiers: readonly string[];
}

/** Deletes what the tombstones of an erasure name and what hangs on it. */
export async function purge(
  session: Session,
  erasure: string,
  { resources, patient, persons, identifiers }: Erasing,
): Promise<Purged> {
  const { tenant } = session;
  const rids = resources.map(({ rid }) => rid);
  const held = await containedIn(session, rids);
  const files = await noteFiles(session, rids);
  const accounts = await emptyAccounts(session, persons);
  const going = { rids, held, naming: namingPattern(patient, persons), accounts };
  let traces = (await eraseOverrides(session, patient)) + (await eraseMessages(session, patient, identifiers));
  for (const [table, fate] of Object.entries(fates)) {
    const conditions = conditionsOf(fate, going);
    if (conditions.length === 0) continue;
    const gone = await session.query(
      sql`delete from ${raw(table)} where tenant_id = ${tenant} and (${join(conditions, ' or ')}) returning tenant_id`,
    );
    if (!('rid' in fate)) traces += gone.length;
  }
  const [row] = await session.query<{ versions: string }>(sql`select erase_resources(${erasure}::uuid) as versions`);
  return { versions: Number(row?.versions), files, accounts: accounts.length, traces };
}

/** Deletes resources of nobody in particular by their tombstones, and what hangs on them; how many files are to follow. */
export async function purgeResources(
  session: Session,
  erasure: string,
  resources: readonly Numbered[],
): Promise<number> {
  const { tenant } = session;
  const rids = resources.map(({ rid }) => rid);
  const files = await noteFiles(session, rids);
  const held = await containedIn(session, rids);
  for (const [table, fate] of Object.entries(fates)) {
    if (!('rid' in fate) || fate.rid === undefined) continue;
    const gone = fate.held ? [...rids, ...held] : rids;
    await session.query(
      sql`delete from ${raw(table)} where tenant_id = ${tenant} and ${raw(fate.rid)} = any(${gone}::int8[])`,
    );
  }
  await session.query(sql`select erase_resources(${erasure}::uuid)`);
  return files;
}

async function containedIn(session: Session, rids: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ rid: string }>(sql`
    select rid from contained where tenant_id = ${session.tenant} and container = any(${rids}::int8[])`);
  return rows.map(({ rid }) => rid);
}

/** Gives how many files are to be deleted. */
async function noteFiles(session: Session, rids: readonly string[]): Promise<number> {
  const { tenant } = session;
  const files = await session.query(sql`
    insert into erased_file (tenant_id, file_key)
    select distinct tenant_id, file_key from binary_file where tenant_id = ${tenant} and rid = any(${rids}::int8[])
    on conflict do nothing returning file_key`);
  return files.length;
}

interface Going {
  readonly rids: readonly string[];
  readonly held: readonly string[];
  readonly naming: string;
  readonly accounts: readonly string[];
}

function conditionsOf(fate: Fate, { rids, held, naming, accounts }: Going): Sql[] {
  if ('stays' in fate || 'deed' in fate) return [];
  const { rid, held: holding, text = [], account } = fate;
  return [
    ...(rid === undefined ? [] : [sql`${raw(rid)} = any(${holding ? [...rids, ...held] : rids}::int8[])`]),
    ...text.map((column) => sql`${raw(column)}::text ~ ${naming}`),
    ...(account === undefined ? [] : [sql`${raw(account)}::text = any(${accounts}::text[])`]),
  ];
}

/** An erased resource that may have been somebody's who signs in. */
export interface Person {
  readonly type: string;
  readonly number: number;
  readonly id: string;
}

async function emptyAccounts(session: Session, persons: readonly Person[]): Promise<string[]> {
  const types = new Map(persons.map(({ type, number }) => [type, number]));
  const accounts: string[] = [];
  for (const [type, number] of types) {
    const rows = await session.query<{ account: string }>(
      sql`select erase_accounts(${number}::int2, ${type}) as account`,
    );
    accounts.push(...rows.map(({ account }) => account));
  }
  return accounts;
}

async function eraseOverrides(session: Session, patient: string): Promise<number> {
  const [row] = await session.query<{ count: string }>(sql`select erase_overrides(${patient}) as count`);
  return Number(row?.count);
}

async function eraseMessages(session: Session, patient: string, identifiers: readonly string[]): Promise<number> {
  const [row] = await session.query<{ count: string }>(
    sql`select erase_messages(${patient}, ${identifiers}::text[]) as count`,
  );
  return Number(row?.count);
}

/** A regular expression for JSON, references and the like that name one of them. */
function namingPattern(patient: string, persons: readonly Person[]): string {
  const escaped = (text: string): string => text.replaceAll('.', '\\.');
  const references = persons.map(({ type, id }) => `${type}/${escaped(id)}`);
  return `((${[`Patient/${escaped(patient)}`, ...references].join('|')})|"patient":\\s*"${escaped(patient)}")(?![A-Za-z0-9.-])`;
}

/** Some of the files that are to be deleted. */
export async function listErasedFiles(session: Session, most: number): Promise<string[]> {
  const rows = await session.query<{ file_key: string }>(sql`
    select file_key from erased_file where tenant_id = ${session.tenant} order by file_key limit ${most}`);
  return rows.map((row) => row.file_key);
}

export async function forgetErasedFiles(session: Session, keys: readonly string[]): Promise<void> {
  await session.query(sql`
    delete from erased_file where tenant_id = ${session.tenant} and file_key = any(${keys}::text[])`);
}
