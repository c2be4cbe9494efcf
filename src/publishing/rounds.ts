/** Publishes the seals of all laboratories that want it, some seconds after they were made. */
import type { BlockList } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { Database } from '../store/pool.ts';
import { listTenants, type Tenant } from '../store/tenants.ts';
import { publishToFile } from './publish-file.ts';
import { publishToWebhook } from './publish-webhook.ts';

/** Milliseconds between two rounds. */
const publishEvery = 5_000;
/** Laboratories at a time: a receiver that does not answer holds up no other for long. */
const lanes = 4;

export interface Publisher {
  readonly database: Database;
  /** Where laboratories without a folder of their own have their files; without it they have none. */
  readonly folder: string | undefined;
  readonly allowed: BlockList;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export async function publishInRounds(publisher: Publisher): Promise<void> {
  const { database, log, signal } = publisher;
  const memory: Memory = { written: new Set(), said: new Map() };
  while (!signal.aborted) {
    try {
      const waiting = await listTenants(database);
      const lane = async (): Promise<void> => {
        for (let tenant = waiting.shift(); tenant !== undefined && !signal.aborted; tenant = waiting.shift()) {
          await publish(publisher, tenant, memory);
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
    } catch (error) {
      log.warn({ err: error }, 'publishing waits for the database');
    }
    await pause(publishEvery, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

interface Memory {
  readonly written: Set<string>;
  /** What was wrong with the file of a laboratory: said once, not in every round. */
  readonly said: Map<number, string>;
}

async function publish(publisher: Publisher, tenant: Tenant, { written, said }: Memory): Promise<void> {
  const { database, allowed, log, signal } = publisher;
  const { sealFolder: folder = publisher.folder, sealWebhook } = tenant.settings;
  try {
    if (folder !== undefined && folder !== '') await publishToFile({ database, folder, written }, tenant);
    said.delete(tenant.id);
  } catch (error) {
    const problem = String(error);
    if (said.get(tenant.id) !== problem)
      log.error({ err: error, tenant: tenant.name }, 'seals not published to the file');
    said.set(tenant.id, problem);
  }
  try {
    if (sealWebhook === undefined || sealWebhook === '') return;
    const problem = await publishToWebhook({ database, allowed, signal, now: Date.now }, tenant, sealWebhook);
    if (problem !== undefined) log.warn({ tenant: tenant.name, problem }, 'seals not taken by the webhook');
  } catch (error) {
    log.error({ err: error, tenant: tenant.name }, 'seals not sent to the webhook');
  }
}
