/** Bulk exports and their files as rows: tables bulk_export and bulk_file (migrations/0022-bulk-exports.sql). */
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { instantText, type Database, type Session } from './pool.ts';
import { requestJob } from './jobs.ts';
import { sql } from './sql.ts';

export type ExportState = 'running' | 'complete' | 'failed';
export type FileKind = 'output' | 'deleted' | 'error';

export interface BulkExport {
  readonly id: string;
  readonly subject: string;
  readonly client: string;
  readonly request: JsonObject;
  /** What a de-identified export says of itself (exporting/research.ts). */
  readonly report: JsonObject | undefined;
  readonly state: ExportState;
  /** FHIR instant: transactionTime. */
  readonly moment: string | undefined;
  readonly progress: string | undefined;
  readonly error: string | undefined;
  readonly created: string;
  readonly expires: string | undefined;
  /** Somebody was erased since: the files may still tell of him. */
  readonly overtaken: boolean;
}

export interface BulkFile {
  readonly number: number;
  readonly kind: FileKind;
  readonly type: string | undefined;
  readonly count: number;
  readonly size: number;
}

interface ExportRow {
  export_id: string;
  subject: string;
  client: string;
  request: string;
  report: string | null;
  state: ExportState;
  moment: string | null;
  progress: string | null;
  error: string | null;
  created: string;
  expires: string | null;
  overtaken: boolean;
}

const columns = sql`e.export_id, e.subject, e.client, e.request, e.report, e.state, e.moment, e.progress, e.error, e.created, e.expires,
  exists (select from erasure x where x.tenant_id = e.tenant_id and x.at > coalesce(e.moment, e.created)) as overtaken`;

function exportFromRow(row: ExportRow): BulkExport {
  const instant = (text: string | null): string | undefined => (text === null ? undefined : instantText(text));
  return {
    id: row.export_id,
    subject: row.subject,
    client: row.client,
    request: JSON.parse(row.request) as JsonObject,
    report: row.report === null ? undefined : (JSON.parse(row.report) as JsonObject),
    state: row.state,
    moment: instant(row.moment),
    progress: row.progress ?? undefined,
    error: row.error ?? undefined,
    created: instantText(row.created),
    expires: instant(row.expires),
    overtaken: row.overtaken,
  };
}

export interface NewExport {
  readonly id: string;
  readonly subject: string;
  readonly client: string;
  readonly request: JsonObject;
}

/** @throws OutcomeError 429 where `most` exports of the laboratory are at work. Inside a transaction. */
export async function beginExport(session: Session, made: NewExport, most: number): Promise<void> {
  const { tenant } = session;
  // Two who ask at the same moment are counted one after the other.
  await session.query(sql`select pg_advisory_xact_lock(hashtextextended(${`bulk-export ${tenant}`}, 0))`);
  const [row] = await session.query<{ running: string }>(
    sql`select count(*) as running from bulk_export where tenant_id = ${tenant} and state = 'running'`,
  );
  if (most > 0 && Number(row?.running ?? 0) >= most) {
    const sentence = `This laboratory may have ${most} bulk exports at a time, and so many are running; try again later, or cancel one.`;
    throw outcomeError('throttled', sentence, { status: 429, headers: { 'retry-after': '60' } });
  }
  await session.query(sql`
    insert into bulk_export (tenant_id, export_id, subject, client, request)
    values (${tenant}, ${made.id}::uuid, ${made.subject}, ${made.client}, ${JSON.stringify(made.request)}::jsonb)`);
  await requestJob(session, 'export', { export: made.id });
}

export async function readExport(session: Session, id: string): Promise<BulkExport | undefined> {
  const [row] = await session.query<ExportRow>(sql`
    select ${columns} from bulk_export e where e.tenant_id = ${session.tenant} and e.export_id = ${id}::uuid`);
  return row && exportFromRow(row);
}

/** How often in a row the status has been asked for less than `milliseconds` after the time before. */
export async function countHaste(session: Session, id: string, milliseconds: number): Promise<number> {
  const [row] = await session.query<{ hasty: number }>(sql`
    update bulk_export set polled = clock_timestamp(),
      hasty = case when polled > clock_timestamp() - make_interval(secs => ${milliseconds / 1_000}) then hasty + 1 else 0 end
    where tenant_id = ${session.tenant} and export_id = ${id}::uuid
    returning hasty`);
  return row?.hasty ?? 0;
}

export async function setMoment(session: Session, id: string, moment: string): Promise<void> {
  await session.query(sql`
    update bulk_export set moment = ${moment}::timestamptz
    where tenant_id = ${session.tenant} and export_id = ${id}::uuid and moment is null`);
}

export async function keepReport(session: Session, id: string, report: JsonObject): Promise<void> {
  await session.query(sql`
    update bulk_export set report = ${JSON.stringify(report)}::jsonb
    where tenant_id = ${session.tenant} and export_id = ${id}::uuid`);
}

export async function noteProgress(session: Session, id: string, progress: string): Promise<void> {
  await session.query(sql`
    update bulk_export set progress = ${progress} where tenant_id = ${session.tenant} and export_id = ${id}::uuid`);
}

/** False where the export is no longer there. A step that is repeated writes the same file again. */
export async function keepFile(session: Session, id: string, file: BulkFile): Promise<boolean> {
  const rows = await session.query(sql`
    insert into bulk_file (tenant_id, export_id, number, kind, type, count, size)
    select e.tenant_id, e.export_id, ${file.number}::int4, ${file.kind}, ${file.type ?? null}, ${file.count}::int8, ${file.size}::int8
    from bulk_export e
    where e.tenant_id = ${session.tenant} and e.export_id = ${id}::uuid and e.state = 'running'
    on conflict (tenant_id, export_id, number)
      do update set kind = excluded.kind, type = excluded.type, count = excluded.count, size = excluded.size
    returning number`);
  return rows.length > 0;
}

interface FileRow {
  number: number;
  kind: FileKind;
  type: string | null;
  count: string;
  size: string;
}

/** In the order in which they were written; from one number on. */
export async function listFiles(session: Session, id: string, from = 0, most = 1_000_000): Promise<BulkFile[]> {
  const rows = await session.query<FileRow>(sql`
    select number, kind, type, count, size from bulk_file
    where tenant_id = ${session.tenant} and export_id = ${id}::uuid and number >= ${from}
    order by number limit ${most}`);
  return rows.map(({ number, kind, type, count, size }) => ({
    number,
    kind,
    type: type ?? undefined,
    count: Number(count),
    size: Number(size),
  }));
}

export async function finishExport(session: Session, id: string, keptDays: number | undefined): Promise<boolean> {
  const rows = await session.query(sql`
    update bulk_export set state = 'complete', progress = null, finished = clock_timestamp(),
      expires = clock_timestamp() + make_interval(days => ${keptDays ?? null}::int4)
    where tenant_id = ${session.tenant} and export_id = ${id}::uuid and state = 'running'
    returning export_id`);
  return rows.length > 0;
}

export async function failExport(
  session: Session,
  id: string,
  error: string,
  keptDays: number | undefined,
): Promise<boolean> {
  const rows = await session.query(sql`
    update bulk_export set state = 'failed', error = ${error.slice(0, 2_000)}, finished = clock_timestamp(),
      expires = clock_timestamp() + make_interval(days => ${keptDays ?? null}::int4)
    where tenant_id = ${session.tenant} and export_id = ${id}::uuid and state = 'running'
    returning export_id`);
  return rows.length > 0;
}

/** Takes an export away with its job; its files go by their keys. */
export async function removeExport(session: Session, id: string): Promise<void> {
  await session.query(
    sql`delete from job where tenant_id = ${session.tenant} and kind = 'export' and input = ${JSON.stringify({ export: id })}::jsonb`,
  );
  await session.query(sql`delete from bulk_file where tenant_id = ${session.tenant} and export_id = ${id}::uuid`);
  await session.query(sql`delete from bulk_export where tenant_id = ${session.tenant} and export_id = ${id}::uuid`);
}

/** Those whose time is over, or whose files may tell of somebody who was erased. */
export async function listExpiredExports(session: Session, most: number): Promise<string[]> {
  const rows = await session.query<{ export_id: string }>(sql`
    select e.export_id from bulk_export e
    where e.tenant_id = ${session.tenant} and e.state <> 'running'
      and (e.expires <= clock_timestamp() or exists (select from erasure x where x.tenant_id = e.tenant_id and x.at > coalesce(e.moment, e.created)))
    order by e.expires limit ${most}`);
  return rows.map((row) => row.export_id);
}

/** Of these exports, which there are. */
export async function knownExports(session: Session, ids: readonly string[]): Promise<Set<string>> {
  const rows = await session.query<{ export_id: string }>(sql`
    select export_id from bulk_export where tenant_id = ${session.tenant} and export_id = any(${ids}::uuid[])`);
  return new Set(rows.map((row) => row.export_id));
}

/**
 * The moment now, to the millisecond before, and the transactions of the application that are running: what they write may be
 * of before it. By virtual transaction ids: a transaction may have read the clock and not have written yet, when it has
 * no other. Whatever begins later writes a later time. (A clock that is set back is not provided for.)
 */
export async function momentAndRunning(database: Database): Promise<{ moment: string; running: string[] }> {
  const [now] = await database.operator<{ at: string }>(
    sql`select date_trunc('milliseconds', clock_timestamp()) - interval '1 ms' as at`,
  );
  return { moment: instantText(now?.at ?? ''), running: await runningTransactions(database) };
}

/** Those of the given that are still running; all, without. */
export async function runningTransactions(database: Database, among?: readonly string[]): Promise<string[]> {
  const chosen = among === undefined ? sql`true` : sql`l.virtualxid = any(${among}::text[])`;
  const rows = await database.operator<{ virtualxid: string }>(sql`
    select distinct l.virtualxid from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'virtualxid' and l.mode = 'ExclusiveLock' and l.granted and ${chosen}
      and a.datname = current_database() and a.application_name = 'makhbar' and a.pid <> pg_backend_pid()`);
  return rows.map(({ virtualxid }) => virtualxid);
}
