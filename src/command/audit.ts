/** `makhbar audit verify <tenant>`: whether the audit log of a laboratory is as it was written; exit code 1 where not. */
import { outcomeError } from '../fhir/outcome.ts';
import { periodOf } from '../operations/audit-period.ts';
import { comparePublished } from '../publishing/compare.ts';
import { verifyLog, type Verified } from '../sealing/verify.ts';
import type { Session } from '../store/pool.ts';
import { findTenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';

export interface VerifyOptions extends Output {
  from?: string;
  to?: string;
  published?: string;
}

interface Answered extends Verified {
  readonly published?: { readonly seals: number; readonly last: number };
}

export async function verifyCommand(name: string, options: VerifyOptions): Promise<void> {
  const verified = await withDatabase(async (database, config): Promise<Answered> => {
    const tenant = await findTenant(database, name);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${name}".`);
    const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
    const period = periodOf(options.from, options.to, tenant.settings.timezone);
    const own = await verifyLog(session, tenant, { period, connect: database.options });
    const published = await comparePublished(session, tenant, { folder: config.sealsDir, path: options.published });
    const finding = own.finding ?? published?.finding;
    return { ...own, finding, ...(published && { published: { seals: published.seals, last: published.last } }) };
  });
  print(options, verified, text(name, verified));
  if (verified.finding !== undefined) process.exitCode = 1;
}

function text(name: string, answered: Answered): string {
  const { seals, events, removed, removals, open, oldestOpen, last, continued, published, finding } = answered;
  const lines = [
    `${name}: ${events} events under ${seals} seals are as they were written`,
    ...(removed === 0 ? [] : [`of these, removed by rules of retention: ${removed}`]),
    ...removals.map(
      ({ category, period, before, at, events: count }) =>
        `  ${count} of ${category}, kept for ${period}: those before ${before}, removed ${at}`,
    ),
    `without a seal yet: ${open}${oldestOpen === undefined ? '' : `, since ${oldestOpen}`}`,
    ...(last === undefined ? [] : [`last seal: ${last.number}, ${last.hash}`]),
    ...(published === undefined ? [] : [`published: ${published.seals} seals are in the log, up to ${published.last}`]),
    ...continued.map(({ sentence }) => sentence),
    ...(finding === undefined ? [] : [`found: ${finding.sentence}`]),
  ];
  return lines.join('\n');
}
