/**
 * Segments of the audit log (migrations/0017-audit-segments.sql): one for each time that the database was restored into
 * another cluster, whose transactions are counted from the beginning again.
 *
 * A cluster is known by its system identifier, which is compared when a process starts, before anything is written; and,
 * where it cannot be asked for, by a last seal whose transactions have not been reached yet.
 */
import type { Database, Session } from './pool.ts';
import { instantText } from './pool.ts';
import { sql } from './sql.ts';

export interface Segment {
  readonly number: number;
  readonly reason: string;
  /** FHIR instant. */
  readonly began: string;
}

export async function currentSegment(session: Session): Promise<Segment> {
  const [row] = await session.query<{ segment: number; reason: string; began: string }>(
    sql`select segment, reason, began from audit_segment order by segment desc limit 1`,
  );
  return { number: row?.segment ?? 1, reason: row?.reason ?? '', began: instantText(row?.began ?? '') };
}

interface Cluster {
  segment: number;
  system: string;
  present: string;
}

const clusterOf = sql`select segment, system, audit_system() as present from audit_segment order by segment desc limit 1`;

/** Why the numbers of this cluster cannot follow those before; undefined where they do. */
function otherCluster({ system, present }: Cluster): string | undefined {
  if (system === '' || present === '' || system === present) return undefined;
  return `restored into another cluster: system identifier ${present} instead of ${system}`;
}

/** Begins a segment where this is another cluster than the one that wrote the last; gives the reason. */
export async function continueInCluster(database: Database): Promise<string | undefined> {
  const [now] = await database.operator<Cluster>(clusterOf);
  if (now === undefined || otherCluster(now) === undefined) return undefined;
  return beginSegment(database, otherCluster);
}

/** Whether transactions are counted anew: the last seal of a laboratory ends where no transaction has come yet. */
export async function isCountedAnew(database: Pick<Database, 'query'>, tenant: number): Promise<boolean> {
  const [row] = await database.query<{ anew: boolean }>(
    tenant,
    sql`select coalesce((select high > audit_horizon() from audit_seal where tenant_id = ${tenant}
      order by number desc limit 1), false) as anew`,
  );
  return row?.anew === true;
}

/** Begins a segment because of that. */
export async function continueAbove(database: Database, tenant: number): Promise<string | undefined> {
  const counted = 'restored where transactions are counted from the beginning again';
  if (!(await isCountedAnew(database, tenant))) return undefined;
  return beginSegment(database, () => counted);
}

/** One process does it; the others find it done. */
async function beginSegment(
  database: Database,
  reasonOf: (cluster: Cluster) => string | undefined,
): Promise<string | undefined> {
  const tenants = await database.operator<{ tenant_id: number }>(sql`select tenant_id from tenant`);
  let base = 0n;
  for (const { tenant_id: tenant } of tenants) {
    const end = await endOf(database, tenant);
    if (end > base) base = end;
  }
  return database.operating(async ({ operator }) => {
    await operator(sql`select pg_advisory_xact_lock(hashtextextended('audit-segment', 0))`);
    const [now] = await operator<Cluster>(clusterOf);
    const reason = now && reasonOf(now);
    if (reason === undefined) return undefined;
    await operator(sql`select audit_continue(${String(base)}::int8, ${reason})`);
    return reason;
  });
}

/** Above all numbers that a laboratory has. */
async function endOf(database: Database, tenant: number): Promise<bigint> {
  const [row] = await database.query<{ end: string | null }>(
    tenant,
    sql`select greatest(
      (select high from audit_seal where tenant_id = ${tenant} order by number desc limit 1),
      (select transaction + 1 from audit_event where tenant_id = ${tenant} order by transaction desc limit 1)) as end`,
  );
  return BigInt(row?.end ?? 0);
}
