/**
 * What an export finds, as COPY statements and as lists of versions, a window at a time.
 *
 * 1. Everything is as it was at one moment (transactionTime), whatever is written meanwhile: the last version of each
 *    resource up to then. So a window that is read again after a crash has the same content.
 * 2. Where a condition decides, it is asked of the current versions first, in windows by rid; those that were changed after
 *    the moment are listed apart, in the same snapshot, for their version of then to be judged (interactions/as-if.ts).
 * 3. A window looks at so many resources of the laboratory, of whatever type, and finds at most `most`; conditions are probed
 *    row by row. Bounded by what it finds alone, each went through all matches there are: 7,700 ms for 20,000 of 400,000, now 150.
 * 4. Conditions have bound values; what COPY is given as text is numbers and times (copy-out.ts).
 */
import { resourceTypes, typeName, typeNumber } from '../fhir/resource-types.ts';
import { and, type Access, type Condition, type Search } from '../search/ast.ts';
import { conditionSql, visibleSql } from '../search/compile-condition.ts';
import { hash32 } from '../search/hash.ts';
import { makeScope, type Scope } from '../search/scope.ts';
import { withContainedTargets } from './chain-targets.ts';
import { copyOptions } from './copy-out.ts';
import type { Session } from './pool.ts';
import { storedColumns, storedFromRow, type Stored, type StoredRow } from './read.ts';
import { raw, sql, type Sql } from './sql.ts';
import { withValueSets } from './value-sets.ts';

/** FHIR instants, as Date.toISOString makes them. */
export interface Times {
  readonly moment: string;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** The version at the moment is of after `since` and before `until`. */
function timed(version: Sql, { moment, since, until }: Times): Sql {
  const after = since === undefined ? sql`` : sql` and ${version}.last_updated > ${since}::timestamptz`;
  const before = until === undefined ? sql`` : sql` and ${version}.last_updated < ${until}::timestamptz`;
  return sql`${version}.last_updated <= ${moment}::timestamptz${after}${before}`;
}

/** For COPY. @throws RangeError for anything but an instant that we wrote */
export function instant(text: string): string {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text))
    throw new RangeError(`"${text.slice(0, 40)}" is no instant.`);
  return `'${text}'::timestamptz`;
}

export function whole(value: number | string): string {
  if (!/^-?\d{1,19}$/.test(String(value))) throw new RangeError(`"${String(value).slice(0, 40)}" is no whole number.`);
  return String(value);
}

export interface PlainWindow extends Times {
  readonly tenant: number;
  readonly type: string;
  /** The key of the last row of the window before. */
  readonly after: string | undefined;
  readonly most: number;
}

/**
 * All resources of a type, newest first. The key of a row is `last_updated|rid|ver`.
 *
 * `offset 0` keeps the planner from a join: it then sorted all versions of the type, with their texts, on the disk, for
 * each window of them, three times the work. As it is, rows come at once in the order of resource_version_by_type.
 */
export function plainCopy({ tenant, type, after, most, ...times }: PlainWindow): string {
  const { moment, since, until } = times;
  const [at, rid, ver] = after?.split('|') ?? [];
  const position =
    at === undefined
      ? ''
      : ` and (v.last_updated, v.rid, v.ver) < (${stamp(at)}, ${whole(rid ?? '')}, ${whole(ver ?? '')})`;
  return `copy (select v.last_updated || '|' || v.rid || '|' || v.ver, coalesce(v.exact, v.content::text)
    from (select v.last_updated, v.rid, v.ver, v.exact, v.content from resource_version v
      where v.tenant_id = ${whole(tenant)} and v.type = ${whole(typeNumber(type) ?? -1)} and v.content is not null
        and v.last_updated <= ${instant(moment)}
        ${since === undefined ? '' : `and v.last_updated > ${instant(since)}`}
        ${until === undefined ? '' : `and v.last_updated < ${instant(until)}`}${position}
        and not exists (select from resource_version n where n.tenant_id = ${whole(tenant)} and n.rid = v.rid
          and n.ver > v.ver and n.last_updated <= ${instant(moment)} offset 0)
      order by v.last_updated desc, v.rid desc, v.ver desc limit ${whole(most)}) v) to stdout ${copyOptions}`;
}

/** As PostgreSQL wrote it in UTC. */
export function stamp(text: string): string {
  if (!/^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/.test(text))
    throw new RangeError(`"${text.slice(0, 40)}" is no time.`);
  return `'${text}'::timestamptz`;
}

/** Versions by their numbers, in this order, as PostgreSQL writes arrays of them. */
export function copyOfVersions(tenant: number, { rids, versions }: Numbers): string {
  for (const list of [rids, versions]) {
    if (!/^\{[\d,]*\}$/.test(list)) throw new RangeError('These are no numbers of versions.');
  }
  return `copy (select k.place, coalesce(v.exact, v.content::text)
    from unnest('${rids}'::int8[], '${versions}'::int4[]) with ordinality as k(rid, ver, place)
    join resource_version v on v.tenant_id = ${whole(tenant)} and v.rid = k.rid and v.ver = k.ver
    where v.content is not null order by k.place) to stdout ${copyOptions}`;
}

/** Two arrays as PostgreSQL writes them. */
export interface Numbers {
  readonly rids: string;
  readonly versions: string;
}

export interface Matching extends Times {
  readonly type: string;
  /** All of the caller's access and of what was asked. */
  readonly condition: Condition;
  readonly access: Access;
  /** Of resources that refer to the same, the newest only: Provenance. */
  readonly newestOfTarget?: true;
}

export interface MatchingWindow extends Numbers {
  readonly count: number;
  /** Where the next begins, where there may be more. */
  readonly next: string | undefined;
  /** The versions at the moment of what was changed since. */
  readonly changed: readonly Stored[];
}

export interface WindowPlace {
  /** The last rid of the window before; '0' at first. */
  readonly after: string;
  readonly most: number;
  /** Resources that are looked at. Without it conditions that few meet find these at once, wherever they are. */
  readonly span?: number;
}

/** Of the first window. */
export const firstSpan = 20_000;
const mostSpan = 5_000_000;

/** Of the next window: where little was found, more is looked at. */
export function nextSpan({ span = firstSpan, most }: WindowPlace, { count }: Pick<MatchingWindow, 'count'>): number {
  return count * 4 > most ? firstSpan : Math.min(span * 4, mostSpan);
}

/** The last of the resources that are looked at; undefined where there are no more than these. */
async function endOfSpan(session: Session, { after, span }: WindowPlace): Promise<string | undefined> {
  if (span === undefined) return undefined;
  const [row] = await session.query<{ last: string }>(sql`
    select k.rid as last from resource k where k.tenant_id = ${session.tenant} and k.rid > ${after}::int8
    order by k.rid offset ${span - 1} limit 1`);
  return row?.last;
}

/** In a snapshot. */
export async function matchingWindow(
  session: Session,
  matching: Matching,
  place: WindowPlace,
): Promise<MatchingWindow> {
  const { tenant } = session;
  const { after, most } = place;
  const end = await endOfSpan(session, place);
  const within = end === undefined ? sql`` : sql` and r.rid <= ${end}::int8`;
  const { type, access } = matching;
  const scope = makeScope(tenant, access, { probing: place.span !== undefined });
  const condition = await resolvedCondition(session, matching);
  const [row] = await session.query<{ rids: string; versions: string; size: string; last: string | null }>(sql`
    select coalesce(array_agg(f.rid order by f.rid), '{}')::text as rids,
      coalesce(array_agg(f.ver order by f.rid), '{}')::text as versions, count(*) as size, max(f.rid) as last
    from (select r.rid, r.ver from resource r
      where r.tenant_id = ${tenant} and r.type = ${typeNumber(type)}::int2 and not r.deleted and r.rid > ${after}::int8${within}
        and ${timed(raw('r'), matching)}
        and (${visibleSql([type], raw('r'), scope)}) and ${conditionSql(condition, raw('r'), scope)}${newest(matching, scope)}
      order by r.rid limit ${most}) f`);
  const size = Number(row?.size ?? 0);
  const next = size < most ? end : (row?.last ?? undefined);
  const changed = await changedSince(session, matching, { after, upTo: next });
  return { rids: row?.rids ?? '{}', versions: row?.versions ?? '{}', count: size, next, changed };
}

async function resolvedCondition(session: Session, { type, condition, access }: Matching): Promise<Condition> {
  const search: Search = {
    types: [type],
    condition,
    access,
    sort: [],
    count: 1,
    total: 'none',
    summary: undefined,
    elements: undefined,
    includes: [],
    processed: [],
    ignored: [],
  };
  return (await withContainedTargets(session, await withValueSets(session, search))).condition;
}

function newest({ newestOfTarget }: Matching, scope: Scope): Sql {
  if (newestOfTarget === undefined) return sql``;
  const target = sql`${hash32('reference:Provenance.target')}::int4`;
  const of = (link: Sql): Sql => sql`${link}.tenant_id = ${scope.tenant} and ${link}.param = ${target}`;
  return sql` and exists (select from search_reference f where ${of(raw('f'))} and f.rid = r.rid and not exists (
    select from search_reference g join resource later on later.tenant_id = ${scope.tenant} and later.rid = g.rid
      and not later.deleted and later.type = r.type
    where ${of(raw('g'))} and g.type = f.type and g.id = f.id and g.rid > f.rid))`;
}

/** Of live and deleted resources alike. */
async function changedSince(
  session: Session,
  matching: Matching,
  { after, upTo }: { readonly after: string; readonly upTo: string | undefined },
): Promise<Stored[]> {
  const { tenant } = session;
  const { type, moment } = matching;
  const last = upTo === undefined ? sql`` : sql` and c.rid <= ${upTo}::int8`;
  const rows = await session.query<StoredRow>(sql`
    select ${storedColumns} from (
      select distinct c.rid from resource_version c
      where c.tenant_id = ${tenant} and c.type = ${typeNumber(type)}::int2 and c.last_updated > ${moment}::timestamptz
        and c.rid > ${after}::int8${last}) c
    join resource r on r.tenant_id = ${tenant} and r.rid = c.rid
    cross join lateral (select * from resource_version w where w.tenant_id = ${tenant} and w.rid = c.rid
      and w.last_updated <= ${moment}::timestamptz order by w.ver desc limit 1) v
    where v.content is not null and ${timed(raw('v'), matching)}
    order by c.rid`);
  return rows.map(storedFromRow);
}

/** The versions of a window as they are stored, for what has to be looked at one by one. */
export async function storedVersions(session: Session, { rids, versions }: Numbers): Promise<Stored[]> {
  const rows = await session.query<StoredRow>(sql`
    select ${storedColumns} from unnest(${rids}::int8[], ${versions}::int4[]) with ordinality as k(rid, number, place)
    join resource_version v on v.tenant_id = ${session.tenant} and v.rid = k.rid and v.ver = k.number
    join resource r on r.tenant_id = v.tenant_id and r.rid = v.rid
    where v.content is not null order by k.place`);
  return rows.map(storedFromRow);
}

/** The rows that a condition on several types finds of one patient. */
export async function versionsOfPatient(
  session: Session,
  asked: Times & { readonly types: readonly string[]; readonly condition: Condition; readonly access: Access },
): Promise<Numbers & { readonly count: number }> {
  const { tenant } = session;
  const scope = makeScope(tenant, asked.access);
  const condition = await resolvedCondition(session, {
    ...asked,
    type: asked.types[0] ?? '',
    condition: and([asked.condition]),
  });
  const patientType = typeNumber('Patient');
  const [row] = await session.query<{ rids: string; versions: string; size: string }>(sql`
    select coalesce(array_agg(f.rid order by f.type <> ${patientType}::int2, f.type, f.rid), '{}')::text as rids,
      coalesce(array_agg(f.ver order by f.type <> ${patientType}::int2, f.type, f.rid), '{}')::text as versions, count(*) as size
    from (select r.rid, r.ver, r.type from resource r
      where r.tenant_id = ${tenant} and not r.deleted and ${timed(raw('r'), asked)}
        and (${visibleSql(asked.types, raw('r'), scope)}) and ${conditionSql(condition, raw('r'), scope)}) f`);
  return { rids: row?.rids ?? '{}', versions: row?.versions ?? '{}', count: Number(row?.size ?? 0) };
}

/** What of a type was deleted after `since` and is deleted at the moment; `last` is the rid of the window before. */
export async function deletedWindow(
  session: Session,
  { type, moment, since = moment, after, most }: Times & { type: string; after: string; most: number },
): Promise<Stored[]> {
  const { tenant } = session;
  const rows = await session.query<StoredRow>(sql`
    select ${storedColumns} from resource_version v join resource r on r.tenant_id = ${tenant} and r.rid = v.rid
    where v.tenant_id = ${tenant} and v.type = ${typeNumber(type)}::int2 and v.content is null
      and v.last_updated <= ${moment}::timestamptz and v.last_updated > ${since}::timestamptz and v.rid > ${after}::int8
      and not exists (select from resource_version n where n.tenant_id = ${tenant} and n.rid = v.rid and n.ver > v.ver
        and n.last_updated <= ${moment}::timestamptz)
    order by v.rid limit ${most}`);
  return rows.map(storedFromRow);
}

/** Of these patients, those that there are and that the condition lets see. */
export async function patientsAmong(
  session: Session,
  { ids, access }: { readonly ids: readonly string[]; readonly access: Access },
): Promise<Set<string>> {
  const scope = makeScope(session.tenant, access);
  const rows = await session.query<{ fhir_id: string }>(sql`
    select r.fhir_id from unnest(${ids}::text[]) as k(id)
    join resource r on r.tenant_id = ${session.tenant} and r.type = ${typeNumber('Patient')}::int2 and r.fhir_id = k.id
    where not r.deleted and (${visibleSql(['Patient'], raw('r'), scope)})`);
  return new Set(rows.map((row) => row.fhir_id));
}

/** The types of which there has ever been a version: most types of most laboratories have none. */
export async function typesPresent(session: Session): Promise<string[]> {
  const numbers = resourceTypes.map((type) => typeNumber(type) ?? -1);
  const rows = await session.query<{ type: number }>(sql`
    select k.type from unnest(${numbers}::int2[]) as k(type)
    where exists (select from resource_version v where v.tenant_id = ${session.tenant} and v.type = k.type)`);
  return rows.map(({ type }) => typeName(type));
}
