/**
 * Whom a person stands for when a Consent names an actor: himself, and as a practitioner his PractitionerRoles that are
 * not said to be inactive, and their Organizations.
 */
import { typeName, typeNumber } from '../fhir/resource-types.ts';
import { standardParameters } from '../search/parameters.ts';
import type { Database } from './pool.ts';
import { sql } from './sql.ts';

/** More than any honest directory gives one person. */
const most = 100;

export async function actorsOf(database: Database, tenant: number, fhirUser: string): Promise<string[]> {
  const [type = '', id = ''] = fhirUser.split('/');
  if (type !== 'Practitioner') return [fhirUser];
  const rows = await database.query<{ type: number; id: string }>(
    tenant,
    sql`with role as (
        select r.rid, r.type, r.fhir_id from search_reference f
        join resource r on r.tenant_id = f.tenant_id and r.rid = f.rid and not r.deleted
        where f.tenant_id = ${tenant} and f.id = ${id} and f.type = ${typeNumber('Practitioner')}::int2
          and f.param = any(${paths('practitioner')}::int4[]) and r.type = ${typeNumber('PractitionerRole')}::int2
          and not exists (select from search_token t where t.tenant_id = ${tenant} and t.rid = r.rid
            and t.param = any(${paths('active')}::int4[]) and t.value = 'false')
        limit ${most}
      )
      select type, fhir_id as id from role
      union
      select o.type, o.id from role join search_reference o on o.tenant_id = ${tenant} and o.rid = role.rid
      where o.type = ${typeNumber('Organization')}::int2 and o.param = any(${paths('organization')}::int4[])`,
  );
  return [fhirUser, ...rows.map((row) => `${typeName(row.type)}/${row.id}`)];
}

function paths(name: string): number[] {
  return (
    standardParameters('PractitionerRole')
      .byName.get(name)
      ?.paths.map(({ path }) => path.param) ?? []
  );
}
