/** What a laboratory used in a time, and what it may use: for $usage and `makhbar tenant usage`. */
import { limitsOf, type Limits } from '../access/plans.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { Session } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import { readUsage } from '../store/usage.ts';
import { metrics, storedMetric } from './metrics.ts';

/** Of levels the last of the time, of all others the sum. */
export type Figures = Readonly<Record<string, number>>;

export interface UsageReport {
  readonly from: string;
  readonly to: string;
  readonly plan: string | undefined;
  readonly limits: Limits;
  /** In the whole time; `stored-bytes` is what is stored now. */
  readonly total: Figures;
  readonly days: readonly { readonly day: string; readonly figures: Figures }[];
}

/** Different people with an account; beside the metrics of metrics.ts, because people of two days are not added up. */
const activeUsers = 'active-users';

/** Days that one report covers at most. */
const longest = 400;
const dayLength = 86_400_000;

/** @throws OutcomeError for a time that is none, or too long. */
export async function usageReport(
  { session, tenant, rateLimit }: { session: Session; tenant: Tenant; rateLimit: number },
  time: { readonly from: string | undefined; readonly to: string | undefined },
): Promise<UsageReport> {
  const { from, to } = period(time, new Date());
  const { days: counts, people, storedBytes } = await readUsage(session, from, to);
  const days = new Map<string, Record<string, number>>();
  const nothing = Object.keys(metrics).map((metric) => [metric, 0] as const);
  const total: Record<string, number> = { ...Object.fromEntries(nothing), [activeUsers]: people.total };
  for (const { day, metric, count } of [...counts, ...people.days.map((one) => ({ ...one, metric: activeUsers }))]) {
    days.set(day, { ...days.get(day), [metric]: count });
    if (metric !== activeUsers) total[metric] = (total[metric] ?? 0) + count;
  }
  return {
    from,
    to,
    plan: tenant.settings.plan,
    limits: limitsOf(tenant.settings, rateLimit),
    total: { ...total, [storedMetric]: storedBytes },
    days: [...days].sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, figures]) => ({ day, figures })),
  };
}

function period(
  { from, to }: { from: string | undefined; to: string | undefined },
  now: Date,
): { from: string; to: string } {
  const today = now.toISOString().slice(0, 10);
  const last = checkDay('to', to ?? today);
  const first = checkDay('from', from ?? `${last.slice(0, 8)}01`);
  const days = (Date.parse(last) - Date.parse(first)) / dayLength + 1;
  if (days < 1) throw outcomeError('invalid', `from: ${first} is after to, ${last}.`);
  if (days > longest)
    throw outcomeError('too-costly', `from: usage is told for at most ${longest} days at once.`, { status: 400 });
  return { from: first, to: last };
}

function checkDay(name: string, written: string): string {
  const day = new Date(`${written}T00:00:00Z`);
  if (/^\d{4}-\d{2}-\d{2}$/.test(written) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(written))
    return written;
  throw outcomeError('invalid', `${name}: "${written.slice(0, 40)}" is no day; write it as 2026-01-31.`);
}
