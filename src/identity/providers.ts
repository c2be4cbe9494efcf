/**
 * The providers of one process: one for each laboratory and address, made when first asked for.
 *
 * 1. Few are kept: the least recently used goes when there are more. Without PUBLIC_URL the address is what the Host
 *    header says, so anybody can ask for new ones.
 * 2. One whose keys or whose setting for registration changed is made anew, within `checked` milliseconds in every process.
 * 3. Of requests that come at once for the same laboratory one makes the provider, the others wait for it.
 */
import type { Tenant } from '../store/tenants.ts';
import { signingKeyIds } from '../store/signing-keys.ts';
import { identityAlgorithms } from './keys.ts';
import { laboratoryAt, type IdentityParts } from './laboratory.ts';
import { makeProvider, type LaboratoryProvider } from './provider.ts';

/** 60 kB each; made in 4 ms of processor time. */
const mostKept = 500;
const checked = 5_000;

interface Kept {
  readonly made: Promise<LaboratoryProvider>;
  version: string;
  until: number;
}

export interface Providers {
  of(tenant: Tenant, issuer: string): Promise<LaboratoryProvider>;
}

export function makeProviders(parts: IdentityParts): Providers {
  const kept = new Map<string, Kept>();
  return {
    of: async (tenant, issuer) => {
      const key = `${tenant.id} ${issuer}`;
      const known = await current(parts, kept.get(key), tenant);
      kept.delete(key);
      const entry = known ?? newEntry(parts, tenant, issuer);
      kept.set(key, entry);
      const [oldest] = kept.keys();
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
      try {
        const provider = await entry.made;
        provider.laboratory.tenant = tenant;
        if (entry.version === '') entry.version = await versionOf(parts, tenant);
        return provider;
      } catch (error) {
        kept.delete(key);
        throw error;
      }
    },
  };
}

function newEntry(parts: IdentityParts, tenant: Tenant, issuer: string): Kept {
  const made = makeProvider(laboratoryAt(parts, tenant, issuer));
  return { made, version: '', until: Date.now() + checked };
}

async function current(parts: IdentityParts, entry: Kept | undefined, tenant: Tenant): Promise<Kept | undefined> {
  if (entry === undefined || entry.until > Date.now() || entry.version === '') return entry;
  if ((await versionOf(parts, tenant)) !== entry.version) return undefined;
  entry.until = Date.now() + checked;
  return entry;
}

async function versionOf({ identity }: IdentityParts, tenant: Tenant): Promise<string> {
  const keys = await signingKeyIds(identity.database, tenant.id, identityAlgorithms);
  return `${keys} ${tenant.settings.dynamicRegistration === true}`;
}
