/**
 * Making index rows anew for what is stored, while others write.
 *
 * 1. A batch takes no lock while the rows are worked out: the statement that writes them locks the row and compares its
 *    version. One that was written meanwhile is left alone: its writer made its rows, or left a mark (search_stale).
 * 2. Every resource's row is written, changed or not: a writer that waited for it sees that it was overtaken (write.ts).
 * 3. Two reindexers of a tenant take turns by batch, so that neither inserts what the other has just inserted.
 * 4. Writers are never waited for with a lock held: `writersBefore` only looks (migrations/0006-jobs.sql).
 */
import { indexTables, resourceColumns, type IndexRows } from '../search/rows.ts';
import type { Database, Session, Statement } from './pool.ts';
import { raw, sql } from './sql.ts';
import { arrayLiteral, unnest } from './arrays.ts';
import { containedArrays, insertContained, removeContained } from './write-contained.ts';
import { consentArrays, consentColumns, consentStatement, type ConsentRow } from './consent.ts';
import { consentType, indexArrays, insertIndexRows } from './write.ts';

/** The current version of a live resource. */
export interface IndexedResource {
  readonly rid: string;
  readonly ver: number;
  readonly text: string;
}

/** Whether a write by an older revision is under way. */
export async function writersBefore(session: Session, revision: number): Promise<boolean> {
  const [row] = await session.query<{ some: boolean }>(sql`
    select exists (
      select from pg_locks
      where locktype = 'advisory' and objsubid = 2 and classid = ${session.tenant}::int4::oid
        and objid::int8 < ${revision}::int8
        and database = (select oid from pg_database where datname = current_database())
    ) as some`);
  return row?.some !== false;
}

export interface Extent {
  /** The last resource there is now. */
  readonly last: string;
  readonly live: number;
}

export async function extentOf(session: Session): Promise<Extent> {
  const [row] = await session.query<{ last: string | null; live: string }>(sql`
    select max(rid) as last, count(*) filter (where not deleted) as live from resource where tenant_id = ${session.tenant}`);
  return { last: row?.last ?? '0', live: Number(row?.live ?? 0) };
}

export interface Window {
  /** The live resources of the types in it, and those that contain one of the types. */
  readonly resources: readonly IndexedResource[];
  /** Live resources of all types in it. */
  readonly passed: number;
  /** Where the next one begins; undefined where there is none. */
  readonly next: string | undefined;
}

/** The next resources by rid, of all types, so that its cost does not depend on how rare a type is. */
export async function readWindow(
  session: Session,
  range: { after: string; last: string; size: number },
  types: readonly number[],
): Promise<Window> {
  const rows = await session.query<{ rid: string; ver: number; deleted: boolean; text: string | null }>(sql`
    select w.rid, w.ver, w.deleted, coalesce(v.exact, v.content::text) as text
    from (
      select rid, ver, type, deleted from resource
      where tenant_id = ${session.tenant} and rid > ${range.after}::int8 and rid <= ${range.last}::int8
      order by rid limit ${range.size}
    ) as w left join resource_version v
      on v.tenant_id = ${session.tenant} and v.rid = w.rid and v.ver = w.ver and not w.deleted
        and (w.type = any(${types}::int2[]) or exists (select from contained c
          where c.tenant_id = ${session.tenant} and c.container = w.rid and c.type = any(${types}::int2[])))
    order by w.rid`);
  return {
    resources: rows.flatMap(({ rid, ver, text }) => (text === null ? [] : [{ rid, ver, text }])),
    passed: rows.filter(({ deleted }) => !deleted).length,
    next: rows.length < range.size ? undefined : rows.at(-1)?.rid,
  };
}

/** Some of the resources that were written by an older revision. */
export async function readStale(
  session: Session,
  most: number,
): Promise<{ rids: string[]; resources: IndexedResource[] }> {
  const rows = await session.query<{ rid: string; ver: number | null; text: string | null }>(sql`
    select s.rid, r.ver, coalesce(v.exact, v.content::text) as text
    from search_stale s
    left join resource r on r.tenant_id = s.tenant_id and r.rid = s.rid and not r.deleted
    left join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
    where s.tenant_id = ${session.tenant}
    order by s.rid limit ${most}`);
  return {
    rids: rows.map(({ rid }) => rid),
    resources: rows.flatMap(({ rid, ver, text }) => (ver === null || text === null ? [] : [{ rid, ver, text }])),
  };
}

/**
 * Forgets marks of resources that were done again. One whose version changed meanwhile keeps its mark: who changed it may
 * have been another late writer, whose mark would be the same row.
 */
export async function clearStale(
  session: Session,
  { rids, done, live }: { rids: readonly string[]; done: ReadonlySet<string>; live: ReadonlySet<string> },
): Promise<void> {
  const clear = rids.filter((rid) => done.has(rid) || !live.has(rid));
  await session.query(sql`
    delete from search_stale where tenant_id = ${session.tenant} and rid = any(${clear}::int8[])`);
}

/** When the revision in force came about, in milliseconds ago. */
export async function ageOfRevision(session: Session): Promise<number> {
  const [row] = await session.query<{ age: number }>(sql`
    select (extract(epoch from clock_timestamp() - changed) * 1000)::float8 as age
    from search_state where tenant_id = ${session.tenant}`);
  return row?.age ?? Number.POSITIVE_INFINITY;
}

/** From now on writes by older revisions are refused. */
export async function closeRevisions(session: Session, revision: number): Promise<void> {
  await session.query(sql`
    update search_state set closed = ${revision} where tenant_id = ${session.tenant} and closed < ${revision}`);
}

/** Resources of a laboratory after which the planner's picture of the tables may be wrong: a guess. */
export const worthAnalyzing = 2_000;

/**
 * Tells the planner what the tables hold now. Without it, the first count by a new parameter over 16,000 resources took
 * more than 15 s; autovacuum would come only minutes later. It blocks neither reads nor writes.
 */
export async function analyzeIndex(database: Database): Promise<void> {
  const names = ['resource', 'contained', ...indexTables.map(({ name }) => name)].join(', ');
  await database.operator(sql`analyze ${raw(names)}`);
}

const inputColumns = [
  { name: 'ord', type: 'int4' },
  { name: 'rid', type: 'int8' },
  { name: 'ver', type: 'int4' },
  ...resourceColumns,
] as const;

function statementText(): string {
  let next = 2 + inputColumns.length;
  const index = indexTables.map((table) => {
    const text = insertIndexRows(table, next, false);
    next += 1 + table.columns.length;
    return text;
  });
  index.push(consentStatement(next, consentType));
  next += 1 + consentColumns.length;
  index.push(removeContained(), insertContained(next));
  const names = resourceColumns.map(({ name }) => name);
  return `with written as materialized (
    select i.*, r.type, false as fresh, r.last_updated as at
    from ${unnest(2, inputColumns).replace(' as u(', ' as i(')}
    join resource r on r.tenant_id = $1 and r.rid = i.rid and r.ver = i.ver and not r.deleted
    order by r.rid
    for no key update of r
  ), moved as (
    update resource r set ${names.map((name) => `${name} = w.${name}`).join(', ')}
    from written w
    where r.tenant_id = $1 and r.rid = w.rid
  ), ${index.join(',\n  ')}
  select rid from written`;
}

const text = statementText();

export interface Reindexed {
  readonly resource: IndexedResource;
  readonly index: IndexRows;
  /** Of a Consent: its rules. */
  readonly consent?: readonly ConsentRow[] | undefined;
}

/** Writes the rows of a batch in this transaction; gives the rids that still were of that version. */
export async function writeIndex(session: Session, batch: readonly Reindexed[]): Promise<Set<string>> {
  if (batch.length === 0) return new Set();
  await session.query(sql`select pg_advisory_xact_lock(hashtextextended('reindex', ${session.tenant}::int8))`);
  const rows = await session.query<{ rid: string }>(statementOf(session.tenant, batch));
  return new Set(rows.map(({ rid }) => rid));
}

function statementOf(tenant: number, batch: readonly Reindexed[]): Statement {
  const ordered = batch.map((entry, ord) => ({ entry, ord }));
  const values = [
    tenant,
    arrayLiteral(ordered.map(({ ord }) => ord)),
    arrayLiteral(batch.map(({ resource }) => resource.rid)),
    arrayLiteral(batch.map(({ resource }) => resource.ver)),
    ...resourceColumns.map((_, i) => arrayLiteral(batch.map(({ index }) => index.columns[i]))),
    ...indexTables.flatMap((table) => indexArrays(table, ordered)),
    ...consentArrays(ordered),
    ...containedArrays(ordered),
  ];
  return { text, values };
}
