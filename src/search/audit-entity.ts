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
import { either } from './sql-list.ts';

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

/** Alternatives, each of which an index finds. */
export function entityAlternatives(value: ReferenceValue, about: About): Sql[] {
  const { type, id, version } = value;
  if (type === null) return [];
  if (type === 'Patient' && version === undefined) return patientAlternatives([id], about.tenant);
  const first = sql`(e.entity_id = ${id}${isType(type)}${isVersion(version)})`;
  const asPatient = type === undefined ? patientAlternatives([id], about.tenant) : [];
  return [first, ...asPatient, ...furtherAlternatives(value, about)];
}

function isType(type: string | undefined): Sql {
  return type === undefined ? sql`` : sql` and e.entity_type = ${typeNumber(type) ?? -1}::int2`;
}

function isVersion(version: string | undefined): Sql {
  if (version === undefined) return sql``;
  return sql` and e.entity_version = ${versionNumber(version)}::int4`;
}

function versionNumber(version: string): number {
  return /^[1-9]\d{0,8}$/.test(version) ? Number(version) : -1;
}

function furtherAlternatives(value: ReferenceValue, { tenant, patients, bounded }: About): Sql[] {
  const whom = patients.get(entityKey(value));
  if (whom === undefined) return [];
  const shown = shownSql(value);
  if (whom.length > 0) return patientAlternatives(whom, tenant).map((one) => sql`(${one} and ${shown})`);
  if (bounded) return [shown];
  throw outcomeError(
    'too-costly',
    `${entityKey(value).slice(0, 100)} is about no patient: which searches showed it can be asked of a period only; add a date, such as date=ge2026-01-01.`,
    { status: 400 },
  );
}

/** Among those after the first: number of the type, id, version. */
function shownSql({ type, id, version }: ReferenceValue): Sql {
  const isOfType = typeof type === 'string' ? sql` and (m -> 0) = to_jsonb(${typeNumber(type) ?? -1}::int4)` : sql``;
  const isOfVersion = version === undefined ? sql`` : sql` and (m -> 2) = to_jsonb(${versionNumber(version)}::int4)`;
  return sql`exists (select from jsonb_array_elements(e.detail -> 'more') m where m ->> 1 = ${id}${isOfType}${isOfVersion})`;
}

/** Events about one patient have it in a column; those about several have rows of audit_patient. */
export function patientAlternatives(ids: readonly string[], tenant: number): Sql[] {
  const among = (column: Sql): Sql =>
    ids.length === 1 ? sql`${column} = ${ids[0]}` : sql`${column} = any(${ids}::text[])`;
  return [
    sql`${among(sql`e.patient`)}`,
    sql`(e.patient is null and exists (select from audit_patient p where p.tenant_id = ${tenant} and ${among(sql`p.patient`)}
      and p.time = e.time and p.id = e.id))`,
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
