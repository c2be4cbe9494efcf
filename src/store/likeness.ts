/**
 * How alike the patients of a de-identified export are by what is said of each (sex, year of birth, area): in groups of how
 * many, and which areas have enough patients to be named at all.
 *
 * An area is named where `least` patients of it are in the export; a state within its country, the beginning of a postal
 * code within its state.
 */
import type { Access } from '../search/ast.ts';
import { visibleSql } from '../search/compile-condition.ts';
import { makeScope } from '../search/scope.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Session } from './pool.ts';
import { raw, sql } from './sql.ts';

export interface Likeness {
  readonly patients: number;
  readonly groups: number;
  /** Patients of the smallest group: the k of k-anonymity. */
  readonly smallest: number;
  /** Groups of fewer than `least`, and the patients in them. */
  readonly groupsBelow: number;
  readonly patientsBelow: number;
  readonly countries: readonly string[];
  /** `country|state`, and with the beginning of the postal code. */
  readonly states: readonly string[];
  readonly postalCodes: readonly string[];
}

export interface Measured {
  readonly access: Access;
  readonly least: number;
  readonly postalPrefix: number;
  /** The first year of birth that is told. */
  readonly firstYear: number;
  /** FHIR instant: patients as they were then. */
  readonly moment: string;
}

interface Row {
  patients: string;
  groups: string;
  smallest: string | null;
  groups_below: string;
  patients_below: string;
  countries: string[];
  states: string[];
  postal_codes: string[];
}

export async function measureLikeness(session: Session, measured: Measured): Promise<Likeness> {
  const { access, least, postalPrefix, firstYear, moment } = measured;
  const { tenant } = session;
  const [row] = await session.query<Row>(sql`
    with person as materialized (
      select content->>'gender' as gender,
        case when left(content->>'birthDate', 4) < ${String(firstYear)} then '' else left(content->>'birthDate', 4) end as year,
        content #>> '{address,0,country}' as country,
        (content #>> '{address,0,country}') || '|' || (content #>> '{address,0,state}') as state,
        (content #>> '{address,0,country}') || '|' || (content #>> '{address,0,state}') || '|'
          || left(nullif(content #>> '{address,0,postalCode}', ''), ${postalPrefix}) as postal
      from resource r join resource_version v on v.tenant_id = ${tenant} and v.rid = r.rid and v.ver = r.ver
      where r.tenant_id = ${tenant} and r.type = ${typeNumber('Patient')}::int2 and not r.deleted
        and r.last_updated <= ${moment}::timestamptz and (${visibleSql(['Patient'], raw('r'), makeScope(tenant, access))})),
    countries as materialized (select country from person where country is not null group by country having count(*) >= ${least}::int8),
    states as materialized (select state from person where state is not null group by state having count(*) >= ${least}::int8),
    postals as materialized (select postal from person where postal is not null group by postal having count(*) >= ${least}::int8),
    alike as materialized (
      select count(*) as size from person
        left join countries using (country) left join states using (state) left join postals using (postal)
      group by gender, year, countries.country, states.state, postals.postal)
    select coalesce(sum(size), 0) as patients, count(*) as groups, min(size) as smallest,
      count(*) filter (where size < ${least}::int8) as groups_below,
      coalesce(sum(size) filter (where size < ${least}::int8), 0) as patients_below,
      array(select country from countries order by 1) as countries,
      array(select state from states order by 1) as states,
      array(select postal from postals order by 1) as postal_codes
    from alike`);
  return {
    patients: Number(row?.patients ?? 0),
    groups: Number(row?.groups ?? 0),
    smallest: Number(row?.smallest ?? 0),
    groupsBelow: Number(row?.groups_below ?? 0),
    patientsBelow: Number(row?.patients_below ?? 0),
    countries: row?.countries ?? [],
    states: row?.states ?? [],
    postalCodes: row?.postal_codes ?? [],
  };
}
