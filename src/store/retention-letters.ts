/**
 * Letters and messages (Communication, CommunicationRequest) that the rule of `communication` lets go: nothing was done with
 * them for its period, and they stand for themselves. One that is about a result, an order or a specimen is part of the
 * record, and what another resource refers to stays with that: both go by the rule of `clinical`.
 *
 * Whose patient is under a legal hold or a restriction of processing stays.
 */
import { randomUUID } from 'node:crypto';
import { addTombstones, holdWrites, purgeResources, type Numbered } from './erasure.ts';
import { ridsHolding } from './erasure-search.ts';
import { requestJob } from './jobs.ts';
import type { Session } from './pool.ts';
import { counted, type Counted } from './retention-expiry.ts';
import { sql, type Sql } from './sql.ts';

export interface Letters {
  /** The numbers of the types of letters, and of Patient and Binary. */
  readonly types: readonly number[];
  readonly patient: number;
  readonly binary: number;
  /** Types that make a letter part of the record where it refers to one; no search parameter has `about`. */
  readonly record: readonly string[];
  /** Milliseconds since 1970. */
  readonly before: number;
  readonly heldPatients: readonly string[];
}

function lettersOf(tenant: number, { types, record, patient, before, heldPatients }: Letters): Sql {
  const instant = new Date(before).toISOString();
  return sql`from resource r where r.tenant_id = ${tenant} and r.type = any(${types}::int2[])
    and r.last_updated < ${instant}::timestamptz and (r.date_low >= ${before}::int8) is not true
    and not exists (select from search_reference f where f.tenant_id = ${tenant} and f.rid = r.rid
      and f.type = ${patient}::int2 and (f.id = any(${heldPatients}::text[])
        or exists (select from restriction x where x.tenant_id = ${tenant} and x.patient = f.id
          and x.lifted is null and x.erasure is null)) offset 0)
    and not exists (select from resource_version v where v.tenant_id = ${tenant} and v.rid = r.rid and v.ver = r.ver
      and coalesce(v.exact, v.content::text) ~ ${`"reference": ?"([^"]*/)?(${record.join('|')})/`} offset 0)
    and not exists (select from search_reference g
      where g.tenant_id = ${tenant} and g.id = r.fhir_id and g.type = r.type offset 0)`;
}

export function countLetters(session: Session, letters: Letters): Promise<Counted> {
  return counted(session, sql`select r.last_updated as at ${lettersOf(session.tenant, letters)}`);
}

export interface Removal {
  /** Kept with the tombstones; they name nobody. */
  readonly reason: string;
  readonly rule: string;
  readonly by: string;
  readonly most: number;
}

/** In one transaction, which holds up the laboratory's other writes. How many went, files of theirs not counted. */
export async function removeLetters(session: Session, letters: Letters, removal: Removal): Promise<number> {
  const { tenant } = session;
  await holdWrites(session);
  const going = await session.query<Numbered & { text: string }>(sql`
    select r.rid, r.type, r.fhir_id as id, coalesce((select string_agg(coalesce(v.exact, v.content::text), ' ') from resource_version v
      where v.tenant_id = ${tenant} and v.rid = r.rid), '') as text
    from (select r.* ${lettersOf(tenant, letters)} order by r.rid limit ${removal.most}) r`);
  if (going.length === 0) return 0;
  const all = [...going, ...(await filesOnlyIn(session, letters.binary, going))];
  const erasure = randomUUID();
  await addTombstones(session, { ...removal, id: erasure, patient: '', kept: [] }, all, []);
  if ((await purgeResources(session, erasure, all)) > 0) await requestJob(session, 'delete-erased-files');
  return going.length;
}

/** The Binaries that these letters name and nothing else does. */
async function filesOnlyIn(
  session: Session,
  binary: number,
  letters: readonly (Numbered & { readonly text: string })[],
): Promise<Numbered[]> {
  const named = new Set(
    letters.flatMap(({ text }) => [...text.matchAll(/\bBinary\/([A-Za-z0-9.-]{1,64})/g)].map(idOf)),
  );
  const files: Numbered[] = [];
  const rids = new Set(letters.map(({ rid }) => rid));
  for (const id of named) {
    const holding = await ridsHolding(session, [`Binary/${id}`]);
    if (!holding.every((rid) => rids.has(rid))) continue;
    files.push(
      ...(await session.query<Numbered>(sql`select rid, type, fhir_id as id from resource
        where tenant_id = ${session.tenant} and type = ${binary}::int2 and fhir_id = ${id}`)),
    );
  }
  return files;
}

function idOf([, id = '']: RegExpMatchArray): string {
  return id;
}
