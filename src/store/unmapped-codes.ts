/** Local codes of messages that no ConceptMap maps, controls that are not judged, and the messages that have them. */
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

export interface UnmappedCode {
  readonly system: string;
  readonly code: string;
  readonly display: string;
  /** Id of the Endpoint. */
  readonly interface: string;
  /** Messages. */
  readonly count: number;
  /** FHIR instant: when the last one came. */
  readonly last: string;
}

/** Messages that are looked at: the newest of those that have such codes (index message_unmapped). */
const mostMessages = 50_000;

/** Those of most messages first. */
export async function unmappedCodes(session: Session, most: number): Promise<UnmappedCode[]> {
  const rows = await session.query<Omit<UnmappedCode, 'count'> & { count: string }>(sql`
    select p->'unmapped'->>'system' as system, p->'unmapped'->>'code' as code, m.interface,
      max(p->'unmapped'->>'display') as display, count(*)::text as count, max(m.received) as last
    from (select o.interface, o.received, o.problems from message o
        where o.tenant_id = ${session.tenant} and o.problems @> '[{"unmapped": {}}]'
        order by o.id desc limit ${mostMessages}) m
      cross join lateral jsonb_array_elements(m.problems) p
    where p ? 'unmapped'
    group by 1, 2, 3 order by count(*) desc, 1, 2, 3 limit ${most}`);
  return rows.map(({ count, last, ...row }) => ({ ...row, count: Number(count), last: instantText(last) }));
}

/** Ids of the messages that were applied with such codes, the oldest first. */
export async function messagesWithUnmapped(
  session: Session,
  after: string | undefined,
  most: number,
): Promise<string[]> {
  const rows = await session.query<{ id: string }>(sql`select m.id from message m
    where m.tenant_id = ${session.tenant} and m.status in ('applied', 'replayed') and m.problems @> '[{"unmapped": {}}]'
      and (${after ?? null}::uuid is null or m.id > ${after ?? null}::uuid)
    order by m.id limit ${most}`);
  return rows.map(({ id }) => id);
}

/** Ids of the messages that were applied with controls that are still to be judged, the oldest first; of the newest messages. */
export async function messagesWithControls(session: Session, most: number): Promise<string[]> {
  const rows = await session.query<{ id: string }>(sql`select m.id
    from (select o.id, o.status, o.problems from message o where o.tenant_id = ${session.tenant}
        order by o.id desc limit ${mostMessages}) m
    where m.status in ('applied', 'replayed') and m.problems @> '[{"control": {}}]'
    order by m.id limit ${most}`);
  return rows.map(({ id }) => id);
}
