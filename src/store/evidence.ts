/** Files with what persons were given of their data, and when each is to be deleted (table evidence). */
import type { Session } from './pool.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { sql } from './sql.ts';

const binaryType = typeNumber('Binary') ?? -1;

export async function noteEvidence(session: Session, binary: string, expires: Date): Promise<void> {
  await session.query(sql`
    insert into evidence (tenant_id, binary_id, expires) values (${session.tenant}, ${binary}, ${expires.toISOString()})`);
}

/** Some of the files whose time has come; `live` where an erasure or somebody else was not first. */
export function listExpired(session: Session, now: Date, most: number): Promise<{ id: string; live: boolean }[]> {
  return session.query<{ id: string; live: boolean }>(sql`
    select e.binary_id as id, exists (
      select from resource r
      where r.tenant_id = ${session.tenant} and r.type = ${binaryType} and r.fhir_id = e.binary_id and not r.deleted) as live
    from evidence e where e.tenant_id = ${session.tenant} and e.expires <= ${now.toISOString()}
    order by e.expires limit ${most}`);
}

/** Hands the content of Binaries to the job that deletes files, and forgets them here. */
export async function releaseEvidence(session: Session, binaries: readonly string[]): Promise<void> {
  const { tenant } = session;
  await session.query(sql`
    with gone as (
      delete from binary_file f using resource r
      where f.tenant_id = ${tenant} and r.tenant_id = ${tenant} and r.rid = f.rid
        and r.type = ${binaryType} and r.fhir_id = any(${binaries}::text[])
      returning f.tenant_id, f.file_key)
    insert into erased_file (tenant_id, file_key) select distinct tenant_id, file_key from gone on conflict do nothing`);
  await session.query(sql`
    delete from evidence where tenant_id = ${tenant} and binary_id = any(${binaries}::text[])`);
}
