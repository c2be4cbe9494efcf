/**
 * How many patients of a de-identified export have each of the codes that are told only where enough share them
 * (deidentification/shared-codes.ts). Each type is read once.
 */
import { typeNumber } from '../fhir/resource-types.ts';
import type { Access } from '../search/ast.ts';
import { visibleSql } from '../search/compile-condition.ts';
import { makeScope } from '../search/scope.ts';
import type { Session } from './pool.ts';
import { join, raw, sql, type Sql } from './sql.ts';

export interface CountedElements {
  readonly type: string;
  /** The element that names the patient. */
  readonly patient: string;
  /** JSON paths of the codings. */
  readonly paths: readonly string[];
}

export interface Counting {
  readonly access: Access;
  /** Who they are is only told of codes that fewer patients have. */
  readonly least: number;
  /** FHIR instant: resources as they were then. */
  readonly moment: string;
  readonly elements: readonly CountedElements[];
  /** Addresses of code systems, whole and by their beginnings. */
  readonly systems: readonly string[];
  readonly prefixes: readonly string[];
}

interface Row {
  system: string;
  code: string;
  who: string[] | null;
}

export async function countCodes(
  session: Session,
  { least, systems, prefixes, ...counting }: Counting,
): Promise<{ system: string; code: string; who: string[] | undefined }[]> {
  const codings = counting.elements.map((element) => codingsOf(session, counting, element));
  const rows = await session.query<Row>(sql`
    select system, code, case when count(distinct patient) < ${least}::int8 then array_agg(distinct patient) end as who
    from (${join(codings, ' union all ')}) found (patient, system, code)
    where patient is not null and code is not null
      and (system = any(${systems}::text[]) or exists (
        select from unnest(${prefixes}::text[]) as prefix where starts_with(system, prefix)))
    group by system, code`);
  return rows.map(({ system, code, who }) => ({ system, code, who: who ?? undefined }));
}

function codingsOf(
  { tenant }: Session,
  { access, moment }: Pick<Counting, 'access' | 'moment'>,
  { type, patient, paths }: CountedElements,
): Sql {
  const visible = visibleSql([type], raw('r'), makeScope(tenant, access));
  return sql`
    select substring(v.content #>> ${[patient, 'reference']}::text[] from '[^/]+$'), coding->>'system', coding->>'code'
    from resource r join resource_version v on v.tenant_id = ${tenant} and v.rid = r.rid and v.ver = r.ver,
      unnest(${paths}::text[]) as path, jsonb_path_query(v.content, path::jsonpath) as coding
    where r.tenant_id = ${tenant} and r.type = ${typeNumber(type)}::int2 and not r.deleted
      and r.last_updated <= ${moment}::timestamptz and (${visible})`;
}
