/**
 * What the reports on the audit log count: the resources and patients of events as rows, for statements in which `e` is an
 * event. Everything is counted in PostgreSQL: ten million events never come into this process.
 */
import { typeNumber } from '../fhir/resource-types.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { instantText, type Session } from './pool.ts';
import { sql, type Sql } from './sql.ts';

/** The resources that an event shows or writes: `type`, `id`. */
export const touchedSql: Sql = sql`(
    select e.entity_type as type, e.entity_id as id where e.entity_id is not null and e.entity_type >= 0
    union all
    select (m ->> 0)::int2, m ->> 1 from jsonb_array_elements(e.detail -> 'more') m where (m ->> 0)::int2 >= 0
  )`;

/**
 * The patients that an event is about, each once: `patient`. `union` for `union all` took four times as long. What another
 * system sent may name a record and not its patient: where there are such events, those patients are looked up.
 */
export function patientsSql(session: Session, external: boolean): Sql {
  const named = sql`
    select e.patient where e.patient is not null
    union all
    select jsonb_array_elements_text(e.detail -> 'patients')`;
  if (!external) return sql`(${named})`;
  const behind = sql`select r.patient from ${touchedSql} t ${resourceOfTouched(session)}
    where e.recorded is not null and r.patient is not null`;
  return sql`(select d.patient from (${named}) d union ${behind})`;
}

/** When it happened; of another system's event, when that system says so. */
export const whenSql: Sql = sql`coalesce(e.recorded, e.time)`;

/** The action of another system's event; null for ours, whose kind tells it. */
export const sentActionSql: Sql = sql`(case when e.recorded is not null then coalesce(e.detail #>> '{terms,action,0,c}', 'E') end)`;

export const purposesSql: Sql = sql`coalesce(e.detail -> 'purposes', '[]')::text`;

/** Another system told it. */
export const externalSql: Sql = sql`e.recorded is not null`;

const patientType = typeNumber('Patient') ?? -1;

/** The row `r` of a touched resource `t`, if it is still there. */
export function resourceOfTouched({ tenant }: Session): Sql {
  return sql`left join resource r on r.tenant_id = ${tenant} and r.type = t.type and r.fhir_id = t.id`;
}

/**
 * Whose a touched resource is. An event about one patient tells it, whatever became of the resource; of one about several
 * the resource itself does. Null: nobody's, as a Practitioner is, or no longer known.
 */
export const ownerSql: Sql = sql`(case
    when t.type = ${patientType}::int2 then t.id
    when r.rid is null then e.patient
    when r.patient is not null then coalesce(e.patient, r.patient)
  end)`;

export interface Times {
  /** FHIR instants. */
  readonly first: string;
  readonly last: string;
  readonly count: number;
  /** Those of them that were refused or failed. */
  readonly refused: number;
}

export const timesSql: Sql = sql`min(${whenSql}) as first, max(${whenSql}) as last, count(*) as count,
  count(*) filter (where e.outcome <> 0) as refused`;

export interface TimesRow {
  first: string;
  last: string;
  count: string;
  refused: string;
}

export function timesOf({ first, last, count, refused }: TimesRow): Times {
  return { first: instantText(first), last: instantText(last), count: Number(count), refused: Number(refused) };
}

/** Whoever reads a report reads all of it: one that is too long is refused, never cut. @throws OutcomeError */
export function checkLength(rows: readonly unknown[], most: number): void {
  if (rows.length <= most) return;
  throw outcomeError('too-costly', `The report would have more than ${most} lines; ask for a shorter period.`, {
    status: 400,
  });
}
