/** Counting what would go of the audit log. */
import { instantText, type Session } from './pool.ts';
import { sql } from './sql.ts';

export interface EventsOf {
  /** Numbers of the kinds that are about security. */
  readonly kinds: readonly number[];
  /** Those of these kinds that name no patient, or all the others. */
  readonly security: boolean;
  /** Milliseconds since 1970. */
  readonly before: number;
  readonly heldPatients: readonly string[];
}

/** Sealed events: others never go. */
export async function countEvents(
  session: Session,
  { kinds, security, before, heldPatients }: EventsOf,
): Promise<{ count: number; oldest: string | undefined }> {
  const { tenant } = session;
  const [row] = await session.query<{ count: string; oldest: string | null }>(sql`
    select count(*) as count, min(time) as oldest from audit_event
    where tenant_id = ${tenant} and time < ${new Date(before).toISOString()}::timestamptz
      and transaction < coalesce((select high from audit_seal where tenant_id = ${tenant} order by number desc limit 1), 0)
      and (kind = any(${kinds}::int2[]) and patient is null and not coalesce(detail ? 'patients', false)) = ${security}
      and not coalesce(patient = any(${heldPatients}::text[]), false)
      and not coalesce(detail -> 'patients' ?| ${heldPatients}::text[], false)`);
  return { count: Number(row?.count ?? 0), oldest: row?.oldest == null ? undefined : instantText(row.oldest) };
}
