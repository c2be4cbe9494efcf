/**
 * Conditions on what an event is about, as SQL on a row `e` of audit_event.
 *
 * The first resource of an event stands in columns with an index; those that a search showed besides it stand in
 * `detail.more`, which has none: an index on every resource of every page would cost more than all the rest of the log.
 * They are found among the events about the patients whom the resource is about. A resource that is about nobody is
 * looked for in a period, which must be given.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { sql, type Sql } from '../store/sql.ts';
import type { Condition, DateValue, ReferenceValue, TokenValue } from './ast.ts';
import { anyOf, either } from './sql-list.ts';

/** Whom a resource is about: undefined where there never was such a resource. */
export type Patients = ReadonlyMap<string, readonly string[] | undefined>;

export function entityKey({ type, id }: ReferenceValue): string {
  return `${type ?? ''}/${id}`;
}

/** Resources whose patients must be known: all but patients. */
export function entitiesOf(condition: Condition): ReferenceValue[] {
  if (condition.kind === 'and' || condition.kind === 'or') return condition.parts.flatMap(entitiesOf);
  if (condition.kind === 'not') return entitiesOf(condition.part);
  if (condition.kind !== 'reference') return [];
  return condition.paths.some(({ path, target }) => path.key === 'AuditEvent.entity.what' && target !== 'Patient')
    ? condition.values.filter(({ type, version }) => type !== null && !(type === 'Patient' && version === undefined))
    : [];
}

interface About {
  readonly tenant: number;
  readonly patients: Patients;
  /** Whether the search says from when on to look. */
  readonly bounded: boolean;
}

/** One way in which an event meets a condition. */
export interface Alternative {
  /** The whole of it, of a row `e` of audit_event. */
  readonly where: Sql;
  /** Rows of another table by whose index the events are found: `p` with their time and id, and what is left to ask. */
  readonly led?: { readonly from: Sql; readonly rest: Sql };
}

/** So many resources have an index range each, which delivers in order; those of more are sorted together. */
const mostApart = 4;

/** Alternatives, each of which an index finds. */
export function entityAlternatives(values: readonly ReferenceValue[], about: About): Alternative[] {
  const local = values.filter(({ type }) => type !== null);
  return local.length <= mostApart
    ? local.flatMap((value) => ofResources([value], about))
    : grouped(local).flatMap((group) => ofResources(group, about));
}

/** Values of one type and version together. */
function grouped(values: readonly ReferenceValue[]): ReferenceValue[][] {
  const groups = new Map<string, ReferenceValue[]>();
  for (const value of values) {
    const key = `${value.type ?? ''}/${value.version ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return [...groups.values()];
}

/** @param group resources of one type and version */
function ofResources(group: readonly ReferenceValue[], about: About): Alternative[] {
  const [{ type, version } = { type: undefined, version: undefined }] = group;
  const ids = group.map(({ id }) => id);
  if (type === 'Patient' && version === undefined) return patientAlternatives(ids, about.tenant);
  const first = sql`(${anyOf(sql`e.entity_id`, ids, 'text')}${isType(type)}${isVersion(version)})`;
  const asPatients = type === undefined ? patientAlternatives(ids, about.tenant) : [];
  return [{ where: first }, ...asPatients, ...furtherAlternatives(group, about)];
}

function isType(type: string | null | undefined): Sql {
  return typeof type === 'string' ? sql` and e.entity_type = ${typeNumber(type) ?? -1}::int2` : sql``;
}

function isVersion(version: string | undefined): Sql {
  if (version === undefined) return sql``;
  return sql` and e.entity_version = ${versionNumber(version)}::int4`;
}

function versionNumber(version: string): number {
  return /^[1-9]\d{0,8}$/.test(version) ? Number(version) : -1;
}

function furtherAlternatives(group: readonly ReferenceValue[], { tenant, patients, bounded }: About): Alternative[] {
  const known = group.filter((value) => patients.get(entityKey(value)) !== undefined);
  if (known.length === 0) return [];
  const aboutNobody = known.find((value) => patients.get(entityKey(value))?.length === 0);
  const shown = shownSql(known);
  if (aboutNobody !== undefined && bounded) return [{ where: shown }];
  if (aboutNobody !== undefined) throw aboutNoPatient(aboutNobody);
  const whom = [...new Set(known.flatMap((value) => patients.get(entityKey(value)) ?? []))];
  return patientAlternatives(whom, tenant).map(({ where, led }) => ({
    where: sql`(${where} and ${shown})`,
    ...(led && { led: { ...led, rest: shown } }),
  }));
}

function aboutNoPatient(value: ReferenceValue): Error {
  return outcomeError(
    'too-costly',
    `${entityKey(value).slice(0, 100)} is about no patient: which searches showed it can be asked of a period only; add a date, such as date=ge2026-01-01.`,
    { status: 400 },
  );
}

/** Among those after the first: number of the type, id, version. */
function shownSql(group: readonly ReferenceValue[]): Sql {
  const [{ type, version } = { type: undefined, version: undefined }] = group;
  const isOfType = typeof type === 'string' ? sql` and (m -> 0) = to_jsonb(${typeNumber(type) ?? -1}::int4)` : sql``;
  const isOfVersion = version === undefined ? sql`` : sql` and (m -> 2) = to_jsonb(${versionNumber(version)}::int4)`;
  const isOne = anyOf(
    sql`m ->> 1`,
    group.map(({ id }) => id),
    'text',
  );
  return sql`exists (select from jsonb_array_elements(e.detail -> 'more') m where ${isOne}${isOfType}${isOfVersion})`;
}

/** Events about one patient have it in a column; those about several have rows of audit_patient. */
export function patientAlternatives(ids: readonly string[], tenant: number): Alternative[] {
  const rows = sql`p.tenant_id = ${tenant} and ${anyOf(sql`p.patient`, ids, 'text')}`;
  const distinct = ids.length === 1 ? sql`` : sql`distinct `;
  return [
    { where: anyOf(sql`e.patient`, ids, 'text') },
    {
      where: sql`(e.patient is null and exists (select from audit_patient p where ${rows} and p.time = e.time and p.id = e.id))`,
      led: { from: sql`(select ${distinct}p.time, p.id from audit_patient p where ${rows}) p`, rest: sql`true` },
    },
  ];
}

/** Identifiers: of the request, and of what is no resource. */
export function entityIdentifierSql({ system, code }: TokenValue): Sql {
  if ((system ?? '') !== '' || code === undefined) return sql`false`;
  const further = JSON.stringify({ further: [{ what: { identifier: { value: code } } }] });
  return either([sql`e.request = ${code}`, sql`e.detail @> ${further}::jsonb`]);
}

/** Whether a condition says from when on. */
export function isBounded(condition: Condition): boolean {
  if (condition.kind === 'and') return condition.parts.some(isBounded);
  if (condition.kind !== 'date' && condition.kind !== 'updated') return false;
  const from: readonly DateValue['prefix'][] = ['eq', 'gt', 'ge', 'sa', 'ap'];
  return condition.values.every(({ prefix }) => from.includes(prefix));
}
