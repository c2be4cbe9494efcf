/** Bulk imports as rows: tables bulk_import and its like (migrations/0025-bulk-imports.sql). */
import type { JsonObject } from '../fhir/json.ts';
import { instantText, type Session } from './pool.ts';
import { requestJob } from './jobs.ts';
import { sql } from './sql.ts';

export interface Place {
  readonly phase: 'fetch' | 'map' | 'load' | 'check';
  /** The file, and where in it the next line begins: its number and byte. */
  readonly file: number;
  readonly line: number;
  readonly offset: number;
}

export interface BulkImport {
  readonly id: string;
  readonly subject: string;
  readonly client: string;
  readonly request: JsonObject;
  readonly state: 'running' | 'complete' | 'failed';
  readonly place: Place | undefined;
  readonly counts: Readonly<Record<string, number>>;
  readonly refused: number;
  readonly error: string | undefined;
  readonly created: string;
  readonly finished: string | undefined;
}

interface ImportRow {
  import_id: string;
  subject: string;
  client: string;
  request: string;
  state: BulkImport['state'];
  place: string | null;
  counts: string;
  refused: string;
  error: string | null;
  created: string;
  finished: string | null;
}

export type NewImport = Pick<BulkImport, 'id' | 'subject' | 'client' | 'request'>;

/** @param queued whether the server's jobs do it; otherwise whoever made it goes through it himself */
export async function beginImport(session: Session, made: NewImport, queued = true): Promise<void> {
  await session.query(sql`
    insert into bulk_import (tenant_id, import_id, subject, client, request)
    values (${session.tenant}, ${made.id}::uuid, ${made.subject}, ${made.client}, ${JSON.stringify(made.request)}::jsonb)`);
  if (queued) await requestJob(session, 'import', { import: made.id });
}

export async function readImport(session: Session, id: string): Promise<BulkImport | undefined> {
  const [row] = await session.query<ImportRow>(sql`
    select import_id, subject, client, request, state, place, counts, refused, error, created, finished
    from bulk_import where tenant_id = ${session.tenant} and import_id = ${id}::uuid`);
  return (
    row && {
      id: row.import_id,
      subject: row.subject,
      client: row.client,
      request: JSON.parse(row.request) as JsonObject,
      state: row.state,
      place: row.place === null ? undefined : (JSON.parse(row.place) as Place),
      counts: JSON.parse(row.counts) as Record<string, number>,
      refused: Number(row.refused),
      error: row.error ?? undefined,
      created: instantText(row.created),
      finished: row.finished === null ? undefined : instantText(row.finished),
    }
  );
}

export interface Refusal {
  readonly line: number;
  /** An OperationOutcome. */
  readonly outcome: string;
}

export interface Progress {
  readonly id: string;
  readonly place: Place;
  readonly counts: Readonly<Record<string, number>>;
  readonly refusals: readonly Refusal[];
  readonly rids: readonly string[];
}

/** Lines whose outcome is kept. */
const mostRefusals = 10_000;

/** What lines up to a place came to; false where the import is no longer there. With their resources, in one transaction. */
export async function keepImported(
  session: Session,
  progress: Progress,
  { file, line }: Pick<Place, 'file' | 'line'>,
): Promise<boolean> {
  const { id, refusals, rids } = progress;
  const { tenant } = session;
  const rows = await session.query(sql`
    update bulk_import b set place = ${JSON.stringify(progress.place)}::jsonb, refused = refused + ${refusals.length}::int8,
      counts = b.counts || (select coalesce(jsonb_object_agg(k.key, coalesce((b.counts ->> k.key)::int8, 0) + k.value::int8), '{}')
        from jsonb_each_text(${JSON.stringify(progress.counts)}::jsonb) k)
    where b.tenant_id = ${tenant} and b.import_id = ${id}::uuid and b.state = 'running' returning b.import_id`);
  if (rows.length === 0) return false;
  if (refusals.length > 0) {
    await session.query(sql`
      insert into bulk_import_line (tenant_id, import_id, file, line, outcome)
      select ${tenant}, ${id}::uuid, ${file}::int4, k.line, k.outcome
      from unnest(${refusals.map((one) => one.line)}::int8[], ${refusals.map(({ outcome }) => outcome)}::text[]) as k(line, outcome)
      where (select refused from bulk_import where tenant_id = ${tenant} and import_id = ${id}::uuid) <= ${mostRefusals}
      on conflict do nothing`);
  }
  if (rids.length > 0) {
    await session.query(sql`
      insert into bulk_import_batch (tenant_id, import_id, file, line, rids)
      values (${tenant}, ${id}::uuid, ${file}::int4, ${line}::int8, ${rids}::int8[]) on conflict do nothing`);
  }
  return true;
}

export async function endImport(session: Session, id: string, error: string | undefined): Promise<boolean> {
  const rows = await session.query(sql`
    update bulk_import set state = ${error === undefined ? 'complete' : 'failed'}, error = ${error?.slice(0, 2_000) ?? null},
      finished = clock_timestamp()
    where tenant_id = ${session.tenant} and import_id = ${id}::uuid and state = 'running' returning import_id`);
  await forget(session, id);
  return rows.length > 0;
}

async function forget(session: Session, id: string): Promise<void> {
  await session.query(
    sql`delete from bulk_import_batch where tenant_id = ${session.tenant} and import_id = ${id}::uuid`,
  );
  await session.query(sql`delete from bulk_import_id where tenant_id = ${session.tenant} and import_id = ${id}::uuid`);
}

/** Takes an import away with its job; what it has stored stays. */
export async function removeImport(session: Session, id: string): Promise<void> {
  const { tenant } = session;
  await session.query(
    sql`delete from job where tenant_id = ${tenant} and kind = 'import' and input = ${JSON.stringify({ import: id })}::jsonb`,
  );
  await session.query(sql`delete from bulk_import_line where tenant_id = ${tenant} and import_id = ${id}::uuid`);
  await forget(session, id);
  await session.query(sql`delete from bulk_import where tenant_id = ${tenant} and import_id = ${id}::uuid`);
}

/** Those that ended so many days ago. */
export async function listOldImports(session: Session, days: number, most: number): Promise<string[]> {
  const rows = await session.query<{ import_id: string }>(sql`
    select import_id from bulk_import where tenant_id = ${session.tenant}
      and finished < clock_timestamp() - make_interval(days => ${days}::int4) order by finished limit ${most}`);
  return rows.map((row) => row.import_id);
}

export interface RefusedLine extends Refusal {
  readonly file: number;
}

/** In their order, after one. */
export async function listRefusals(
  session: Session,
  id: string,
  after: { readonly file: number; readonly line: number },
): Promise<RefusedLine[]> {
  const rows = await session.query<{ file: number; line: string; outcome: string }>(sql`
    select file, line, outcome from bulk_import_line
    where tenant_id = ${session.tenant} and import_id = ${id}::uuid and (file, line) > (${after.file}::int4, ${after.line}::int8)
    order by file, line limit 500`);
  return rows.map(({ file, line, outcome }) => ({ file, line: Number(line), outcome }));
}

export interface Dangling {
  readonly file: number;
  readonly line: number;
  readonly from: string;
  readonly to: string;
  readonly fromType: number;
  readonly toType: number;
}

/** References of what an import stored that lead to nothing here, in batches after one place. */
export async function danglingReferences(
  session: Session,
  id: string,
  after: { readonly file: number; readonly line: number },
): Promise<{ readonly dangling: Dangling[]; readonly last: { file: number; line: number } | undefined }> {
  const { tenant } = session;
  const [batch] = await session.query<{ file: number; line: string; rids: string }>(sql`
    select file, line, rids::text as rids from bulk_import_batch
    where tenant_id = ${tenant} and import_id = ${id}::uuid and (file, line) > (${after.file}::int4, ${after.line}::int8)
    order by file, line limit 1`);
  if (batch === undefined) return { dangling: [], last: undefined };
  const last = { file: batch.file, line: Number(batch.line) };
  const rows = await session.query<{ from_type: number; from_id: string; to_type: number; to_id: string }>(sql`
    select distinct r.type as from_type, r.fhir_id as from_id, f.type as to_type, f.id as to_id
    from unnest(${batch.rids}::int8[]) as k(rid)
    join search_reference f on f.tenant_id = ${tenant} and f.rid = k.rid and f.type is not null
    join resource r on r.tenant_id = ${tenant} and r.rid = k.rid and not r.deleted
    where not exists (select from resource t where t.tenant_id = ${tenant} and t.type = f.type and t.fhir_id = f.id and not t.deleted)
    limit 1000`);
  const dangling = rows.map((row) => ({
    ...last,
    fromType: row.from_type,
    from: row.from_id,
    toType: row.to_type,
    to: row.to_id,
  }));
  return { dangling, last };
}

export interface MovedId {
  readonly type: number;
  readonly given: string;
  readonly id: string;
}

export async function keepIds(session: Session, id: string, moved: readonly MovedId[]): Promise<void> {
  if (moved.length === 0) return;
  await session.query(sql`
    insert into bulk_import_id (tenant_id, import_id, type, given, fhir_id)
    select ${session.tenant}, ${id}::uuid, k.type, k.given, k.fhir_id
    from unnest(${moved.map(({ type }) => type)}::int2[], ${moved.map(({ given }) => given)}::text[], ${moved.map((one) => one.id)}::text[])
      as k(type, given, fhir_id)
    on conflict (tenant_id, import_id, type, given) do update set fhir_id = excluded.fhir_id`);
}

/** Of these, those that are stored under another id: `type/given` → id. */
export async function movedIds(
  session: Session,
  id: string,
  asked: readonly { readonly type: number; readonly given: string }[],
): Promise<Map<string, string>> {
  if (asked.length === 0) return new Map();
  const rows = await session.query<{ type: number; given: string; fhir_id: string }>(sql`
    select m.type, m.given, m.fhir_id
    from unnest(${asked.map(({ type }) => type)}::int2[], ${asked.map(({ given }) => given)}::text[]) as k(type, given)
    join bulk_import_id m on m.tenant_id = ${session.tenant} and m.import_id = ${id}::uuid and m.type = k.type and m.given = k.given`);
  return new Map(rows.map((row) => [`${row.type}/${row.given}`, row.fhir_id]));
}

/** Said of a batch, beside what is said of its lines. */
export async function keepDangling(
  session: Session,
  id: string,
  { file, line }: { readonly file: number; readonly line: number },
  outcome: string,
): Promise<void> {
  await session.query(sql`
    insert into bulk_import_line (tenant_id, import_id, file, line, outcome)
    values (${session.tenant}, ${id}::uuid, ${file}::int4, ${-line}::int8, ${outcome}) on conflict do nothing`);
}

/** Where a step begins that stored nothing; `request` where it has become another. */
export async function setPlace(session: Session, id: string, place: Place, request?: JsonObject): Promise<void> {
  await session.query(sql`
    update bulk_import set place = ${JSON.stringify(place)}::jsonb,
      request = coalesce(${request === undefined ? null : JSON.stringify(request)}::jsonb, request)
    where tenant_id = ${session.tenant} and import_id = ${id}::uuid and state = 'running'`);
}

/** Of these, those that are or were there: `type/id`. Under the others nothing has to be looked for when they are written. */
export async function usedIds(
  session: Session,
  keys: readonly { readonly type: number; readonly id: string }[],
): Promise<Set<string>> {
  const rows = await session.query<{ type: number; fhir_id: string }>(sql`
    select r.type, r.fhir_id from unnest(${keys.map(({ type }) => type)}::int2[], ${keys.map(({ id }) => id)}::text[]) as k(type, fhir_id)
    join resource r on r.tenant_id = ${session.tenant} and r.type = k.type and r.fhir_id = k.fhir_id`);
  return new Set(rows.map((row) => `${row.type}/${row.fhir_id}`));
}
