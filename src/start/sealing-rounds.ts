/**
 * Seals what was logged, within seconds, for every laboratory, suspended ones too. Processes that do the same leave each
 * other alone (src/sealing/sealer.ts).
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { sealNext, type Sealing } from '../sealing/sealer.ts';
import { hasOpenEvents } from '../store/audit-seals.ts';
import { continueAbove } from '../store/audit-segments.ts';
import { listTenants, type Tenant } from '../store/tenants.ts';

/** Milliseconds between two rounds. */
const sealEvery = 2_000;

export interface Sealer {
  readonly sealing: Sealing;
  readonly log: Log;
  /** Ends the rounds, after the seal that is being made. */
  readonly signal: AbortSignal;
}

export async function sealInRounds(sealer: Sealer): Promise<void> {
  const { sealing, log, signal } = sealer;
  for (let round = 0; !signal.aborted; round++) {
    try {
      for (const tenant of await listTenants(sealing.database)) {
        if (signal.aborted) return;
        // Transactions are counted anew only in another cluster, which no running process moves to.
        if (round === 0) await continueIfAnew(sealer, tenant);
        await sealTenant(sealer, tenant);
      }
    } catch (error) {
      log.warn({ err: error }, 'sealing waits for the database');
    }
    await pause(sealEvery, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

async function continueIfAnew({ sealing, log }: Sealer, { id, name }: Tenant): Promise<void> {
  const reason = await continueAbove(sealing.database, id);
  if (reason !== undefined) log.warn({ reason, tenant: name }, 'the audit log begins a new segment');
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
