/**
 * Tenants by name, remembered for a few seconds: a suspension takes effect within `lifetime` in every process.
 */
import type { Database } from './pool.ts';
import { findTenant, type Tenant } from './tenants.ts';

/** Milliseconds; DESIGN promises that a suspended tenant is closed within 5 s. */
const lifetime = 2_000;
/** Names that do not exist are remembered too, but only so many (hostile callers make them up). */
const most = 10_000;

export interface TenantCache {
  find(name: string): Promise<Tenant | undefined>;
}

export function makeTenantCache(database: Database): TenantCache {
  const known = new Map<string, { until: number; tenant: Promise<Tenant | undefined> }>();
  return {
    find: (name) => {
      const now = Date.now();
      const entry = known.get(name);
      if (entry && entry.until > now) {
        return entry.tenant;
      }
      if (known.size >= most) {
        known.clear();
      }
      const tenant = findTenant(database, name);
      known.set(name, { until: now + lifetime, tenant });
      tenant.catch(() => known.delete(name));
      return tenant;
    },
  };
}
