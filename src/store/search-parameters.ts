/**
 * The search parameters besides those of R4 that apply to a tenant: the product's and the tenant's own.
 *
 * Context: a tenant's own parameters are its active SearchParameter resources; every process must index by them soon after
 * they were written, and none may search by one whose index rows are not complete.
 * Decision: `search_state.revision` counts the writes of SearchParameters (store/write.ts counts it in the same statement).
 * Each process asks for the revision when it looks up the tenant, every 2 s at most (tenant-cache.ts), and reads the
 * definitions only where it changed. Whoever still writes by an older revision leaves a mark for the reindex job
 * (store/reindex.ts), so that a slow process costs time and never completeness.
 * Rejected: LISTEN/NOTIFY alone: a lost connection would be a missed change.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { Database, Session } from './pool.ts';
import { definitionOf, type OwnParameter } from './own-parameter.ts';
import { productParameters } from './product-parameters.ts';
import { sql } from './sql.ts';

/** How far the reindex job is that the parameters wait for. */
export interface IndexProgress {
  readonly state: 'queued' | 'active' | 'failed';
  readonly done: number;
  readonly total: number | undefined;
  readonly error: string | undefined;
}

export interface SearchState {
  readonly revision: number;
  /** The product's, then the tenant's active ones, oldest first; one array as long as the revision stays. */
  readonly own: readonly OwnParameter[];
  /** Sources whose index rows are complete. */
  readonly indexed: readonly string[];
  readonly progress: IndexProgress | undefined;
}

/** What applies where a tenant has nothing and lacks nothing. */
export const plainState: SearchState = {
  revision: 0,
  own: productParameters,
  indexed: productParameters.map(({ source }) => source),
  progress: undefined,
};

interface StateRow {
  revision: number;
  indexed: string[] | null;
  state: IndexProgress['state'] | null;
  done: string | null;
  total: string | null;
  error: string | null;
}

/** The state of a tenant; equal parts are those of `before`, so that what was made from them stays good. */
export async function loadSearchState(
  database: Pick<Database, 'query'>,
  tenant: number,
  before?: SearchState,
): Promise<SearchState> {
  const row = await readState(database, tenant);
  const indexed = row.indexed ?? [];
  const same = before?.revision === row.revision;
  const { revision, own } = same ? before : await readParameters(database, tenant);
  const state = { revision, own, indexed: await settleProduct(database, tenant, indexed), progress: progressOf(row) };
  return before !== undefined &&
    same &&
    JSON.stringify([before.indexed, before.progress]) === JSON.stringify([state.indexed, state.progress])
    ? before
    : state;
}

async function readState(database: Pick<Database, 'query'>, tenant: number): Promise<StateRow> {
  const [row] = await database.query<StateRow>(
    tenant,
    sql`
    select coalesce((select revision from search_state where tenant_id = ${tenant}), 0) as revision,
      (select array_agg(source order by source) from search_indexed where tenant_id = ${tenant}) as indexed,
      j.state, j.done, j.total, j.error
    from (select) as one left join lateral (
      select state, done, total, error from job
      where tenant_id = ${tenant} and kind = 'reindex' and state <> 'done'
      order by state = 'active' desc, created desc limit 1
    ) as j on true`,
  );
  return row ?? { revision: 0, indexed: null, state: null, done: null, total: null, error: null };
}

function progressOf({ state, done, total, error }: StateRow): IndexProgress | undefined {
  if (state === null) return undefined;
  return { state, done: Number(done), total: total === null ? undefined : Number(total), error: error ?? undefined };
}

interface ParameterRow {
  revision: number;
  rid: string | null;
  ver: number;
  fhir_id: string;
  content: string;
}

/** Revision and definitions of one moment. 122 is SearchParameter (fhir/resource-types.ts, compared by a test). */
async function readParameters(
  database: Pick<Database, 'query'>,
  tenant: number,
): Promise<Pick<SearchState, 'revision' | 'own'>> {
  const rows = await database.query<ParameterRow>(
    tenant,
    sql`
    select coalesce(s.revision, 0) as revision, r.rid, r.ver, r.fhir_id, v.content::text as content
    from (select) as one
    left join search_state s on s.tenant_id = ${tenant}
    left join (
      resource r join resource_version v
        on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver and v.content ->> 'status' = 'active'
    ) on r.tenant_id = ${tenant} and r.type = 122 and not r.deleted
    order by r.rid`,
  );
  const own = rows.flatMap(({ rid, ver, fhir_id: id, content }): OwnParameter[] =>
    rid === null
      ? []
      : [{ source: `own:${rid}/${ver}`, id, definition: definitionOf(JSON.parse(content) as JsonObject) }],
  );
  return {
    revision: rows[0]?.revision ?? 0,
    own: own.length === 0 ? productParameters : [...productParameters, ...own],
  };
}

/** Those of the audit log are answered from its own columns. */
const withoutRows: readonly string[] = productParameters
  .filter(({ definition }) => definition.base.every((type) => type === 'AuditEvent'))
  .map(({ source }) => source);

/**
 * The product's parameters need no job in a tenant without resources; in any other, an upgrade that brought one asks for
 * a reindex at the tenant's first request. One that this version does not have is forgotten: what is written from now on
 * lacks its rows. (Processes of two versions must not write at the same time: the older one knows nothing of this.)
 */
async function settleProduct(
  database: Pick<Database, 'query'>,
  tenant: number,
  indexed: readonly string[],
): Promise<readonly string[]> {
  const sources = productParameters.map(({ source }) => source);
  const missing = sources.filter((source) => !indexed.includes(source) && !withoutRows.includes(source));
  const gone = indexed.filter((source) => source.startsWith('product:') && !sources.includes(source));
  if (missing.length === 0 && gone.length === 0) return [...new Set([...indexed, ...withoutRows])].sort();
  const rows = await database.query<{ source: string }>(
    tenant,
    sql`
    with gone as (
      delete from search_indexed where tenant_id = ${tenant} and source = any(${gone})
    ), empty as (
      select from (select) as one where not exists (select from resource where tenant_id = ${tenant})
    ), asked as (
      insert into job (tenant_id, kind)
      select ${tenant}::int4, 'reindex' from (select) as one
      where ${missing.length > 0} and not exists (select from empty)
        and not exists (select from job where tenant_id = ${tenant} and kind = 'reindex'
          and (state in ('queued', 'active') or state = 'failed' and finished > now() - interval '1 hour'))
      on conflict do nothing
    )
    insert into search_indexed (tenant_id, source)
    select ${tenant}::int4, s from empty cross join unnest(${missing}::text[]) as s
    on conflict (tenant_id, source) do update set source = excluded.source
    returning source`,
  );
  const kept = indexed.filter((source) => !gone.includes(source));
  return [...new Set([...kept, ...withoutRows, ...rows.map(({ source }) => source)])].sort();
}

/** Says which parameters are complete from now on, and forgets those that are no longer there. */
export async function setIndexed(
  session: Session,
  complete: readonly string[],
  wanted: readonly string[],
): Promise<void> {
  await session.query(sql`
    with gone as (
      delete from search_indexed where tenant_id = ${session.tenant} and source <> all(${wanted}::text[])
    )
    insert into search_indexed (tenant_id, source)
    select ${session.tenant}::int4, s from unnest(${complete}::text[]) as s
    on conflict do nothing`);
}
