/**
 * Verified tokens, remembered for a short while: checking an Ed25519 signature and reading its key cost as much as a
 * read of a resource.
 *
 * 1. A token is forgotten at its exp, and after `remembered` at the latest: then a retired key is noticed.
 * 2. Only good tokens are remembered, so that guesses cannot push them out; the oldest leaves when it is full.
 */
import type { Database } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import { verifyToken, type Verified } from './token.ts';

const remembered = 60_000;
/** A guess: some 1 kB each. */
const most = 5_000;

interface Entry {
  verified: Verified;
  until: number;
}

export type Verify = (tenant: Tenant, token: string) => Promise<Verified>;

/** `verifyToken` with a memory of its own. */
export function makeVerifier(database: Database, now: () => number = Date.now): Verify {
  const entries = new Map<string, Entry>();
  return async (tenant, token) => {
    const key = `${tenant.id} ${token}`;
    const known = entries.get(key);
    if (known !== undefined && known.until > now()) return known.verified;
    entries.delete(key);
    const verified = await verifyToken(database, tenant, token);
    if (entries.size >= most) entries.delete(entries.keys().next().value ?? '');
    entries.set(key, { verified, until: Math.min(now() + remembered, verified.exp * 1000) });
    return verified;
  };
}
