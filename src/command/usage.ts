/** `makhbar tenant usage <name>`: what a laboratory used, also a suspended one. */
import { outcomeError } from '../fhir/outcome.ts';
import type { Session } from '../store/pool.ts';
import { findTenant } from '../store/tenants.ts';
import { metrics } from '../usage/metrics.ts';
import { usageReport, type UsageReport } from '../usage/report.ts';
import { print, withDatabase, type Output } from './connect.ts';

export async function usageCommand(name: string, options: Output & { from?: string; to?: string }): Promise<void> {
  const report = await withDatabase(async (database, config) => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
    return usageReport({ session, tenant, rateLimit: config.rateLimit }, { from: options.from, to: options.to });
  });
  print(options, report, text(name, report));
}

function text(name: string, { from, to, plan, limits, total }: UsageReport): string {
  const limit = Object.entries(limits).map(([key, value]) => `${key} ${value === 0 ? 'none' : value}`);
  const described = new Map<string, string>(Object.entries(metrics));
  const figures = Object.entries(total).map(([metric, count]) =>
    `  ${metric.padEnd(20)} ${String(count).padEnd(16)} ${described.get(metric) ?? 'different people'}`.trimEnd(),
  );
  return [`${name}, ${from} to ${to}`, `plan: ${plan ?? 'none'} (${limit.join(', ')})`, ...figures].join('\n');
}
