/**
 * Seals what was logged, within seconds, for every laboratory, suspended ones too. Processes that do the same leave each
 * other alone (src/sealing/sealer.ts).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { signingKeyOf } from '../identity/token.ts';
import type { Log } from '../log.ts';
import { sealNext, type Sealing } from '../sealing/sealer.ts';
import { hasOpenEvents } from '../store/audit-seals.ts';
import type { Database } from '../store/pool.ts';
import { listTenants, type Tenant } from '../store/tenants.ts';
import type { Part } from './http.ts';

/** Milliseconds between two rounds. */
const sealEvery = 2_000;

interface Sealer {
  readonly sealing: Sealing;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** @param keyEncryptionKey what the private keys of laboratories are wrapped with */
export function startSealing(database: Database, keyEncryptionKey: Buffer, log: Log): Part {
  const stopping = new AbortController();
  const sealing: Sealing = {
    database,
    signingKey: (tenant) => signingKeyOf({ database, keyEncryptionKey }, tenant),
    now: Date.now,
  };
  const loop = rounds({ sealing, log, signal: stopping.signal });
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

async function rounds(sealer: Sealer): Promise<void> {
  const { sealing, log, signal } = sealer;
  while (!signal.aborted) {
    try {
      for (const tenant of await listTenants(sealing.database)) {
        if (signal.aborted) return;
        await sealTenant(sealer, tenant);
      }
    } catch (error) {
      log.warn({ err: error }, 'sealing waits for the database');
    }
    await pause(sealEvery, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** What fails in one laboratory keeps no other waiting. */
async function sealTenant({ sealing, log, signal }: Sealer, tenant: Tenant): Promise<void> {
  try {
    if (!(await hasOpenEvents(sealing.database, tenant.id))) return;
    while (!signal.aborted && (await sealNext(sealing, tenant)) !== undefined);
  } catch (error) {
    log.error({ err: error, tenant: tenant.name }, 'audit log not sealed');
  }
}
