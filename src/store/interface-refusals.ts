/** What interfaces refused (table interface_refusal): frames, messages and connections, counted. */
import { arrayLiteral, textArray } from './arrays.ts';
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

export interface Refusals {
  /** Id of the Endpoint. */
  readonly interface: string;
  readonly count: number;
  /** Why the last was refused; tells nothing of what it held. */
  readonly reason: string;
  /** Whose it was: an address, a serial line, a file. */
  readonly peer: string;
  /** FHIR instant. */
  readonly last: string;
}

/** Adds to what was counted before. */
export async function addRefusals(session: Session, refusals: readonly Refusals[]): Promise<void> {
  await session.query(sql`
    insert into interface_refusal as s (tenant_id, interface, count, reason, peer, last)
    select ${session.tenant}, n.interface, n.count, n.reason, n.peer, n.last::timestamptz
    from unnest(${textArray(refusals.map((one) => one.interface))}::text[],
      ${arrayLiteral(refusals.map(({ count }) => count))}::int8[], ${textArray(refusals.map(({ reason }) => reason))}::text[],
      ${textArray(refusals.map(({ peer }) => peer))}::text[],
      ${textArray(refusals.map(({ last }) => last))}::text[]) as n(interface, count, reason, peer, last)
    order by n.interface
    on conflict (tenant_id, interface) do update set count = s.count + excluded.count, reason = excluded.reason,
      peer = excluded.peer, last = excluded.last`);
}

/** Those of the laboratory; interfaces that refused nothing have none. */
export async function listRefusals({ tenant, query }: Session): Promise<Refusals[]> {
  const rows = await query<{ interface: string; count: string; reason: string; peer: string; last: string }>(sql`
    select interface, count::text, reason, peer, last from interface_refusal where tenant_id = ${tenant} order by interface`);
  return rows.map(({ count, last, ...row }) => ({ ...row, count: Number(count), last: instantText(last) }));
}
