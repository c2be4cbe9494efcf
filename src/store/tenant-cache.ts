/**
 * Tenants by name, with their search parameters, remembered for a few seconds: a suspension or a new SearchParameter
 * takes effect within `rememberedFor` in every process.
 */
import type { Database } from './pool.ts';
import { loadSearchState, type SearchState } from './search-parameters.ts';
import { findTenant, type Tenant } from './tenants.ts';

/** Milliseconds; DESIGN promises that a suspended tenant is closed within 5 s. */
export const rememberedFor = 2_000;
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
      const tenant = findWithSearch(database, name, entry?.tenant);
      known.set(name, { until: now + rememberedFor, tenant });
      tenant.catch(() => known.delete(name));
      return tenant;
    },
  };
}

/** @param before the tenant as it was known, whose search parameters are kept where they have not changed */
async function findWithSearch(
  database: Database,
  name: string,
  before: Promise<Tenant | undefined> | undefined,
): Promise<Tenant | undefined> {
  const known: SearchState | undefined = (await before?.catch(() => undefined))?.search;
  const tenant = await findTenant(database, name);
  return tenant && { ...tenant, search: await loadSearchState(database, tenant.id, known) };
}
