/**
 * Deletes a laboratory that leaves, and certifies it.
 *
 *   close     suspended, and every process knows; holds are read after that, so that none can come in between
 *   count     rows of every table, files: what the certificate calls before
 *   keys      first of all: from here on no copy of a file can be opened any more
 *   files, rows, the laboratory itself, and once more what a process that was late has written
 *   certify   counts after, which are all nought, signed by the server's key
 *
 * 1. Each step can be done again: after a crash the deletion begins anew with what is left, and the counts of before stay.
 * 2. While a legal hold is in force nothing goes.
 * 3. There is a certificate only where every table of the catalogue has been counted and is empty.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import type { FileStore } from '../files/store.ts';
import type { Server } from '../request.ts';
import {
  beginDeletion,
  countRows,
  deleteRows,
  deleteTenant,
  departedLaboratories,
  endDeletion,
  findDeparture,
  tenantTables,
  type Departure,
} from '../store/departures.ts';
import type { Session } from '../store/pool.ts';
import { readHolds } from '../store/retention.ts';
import { rememberedFor } from '../store/tenant-cache.ts';
import { shredTenantKeys } from '../store/tenant-keys.ts';
import { findTenantById, setTenantStatus } from '../store/tenants.ts';
import { certificateOf, type Certificate, type Counts } from './certificate.ts';
import { detachedSignature, signatureKey } from './signature.ts';

export type Deleting = Pick<Server, 'database' | 'files' | 'config'>;

export interface Signed {
  readonly certificate: string;
  readonly signature: string;
}

/**
 * Milliseconds until every process knows of a change of a laboratory, and what it had begun has ended. Twice this is more
 * than counts of use wait to be stored (usage/meter.ts); what comes later still is swept (`sweepDeparted`).
 */
const known = rememberedFor + 1_500;

/** @param progress is told each table that is empty */
export async function deleteLaboratory(
  server: Deleting,
  departure: Departure,
  progress: (what: string) => void = () => undefined,
): Promise<Signed> {
  const { laboratory, name } = departure;
  const tenant = await findTenantById(server.database, laboratory);
  // Whoever resumed it meanwhile let requests in again.
  const isOpen = departure.state === 'announced' || tenant?.status === 'active';
  if (tenant !== undefined && isOpen) await close(server, tenant);
  if (departure.state === 'announced') {
    await beginDeletion(server.database, laboratory, (await counted(server, laboratory)) as unknown as JsonObject);
  }
  await shredTenantKeys(server.database, laboratory);
  progress('keys');
  await empty(server, laboratory, progress);
  await deleteTenant(server.database, laboratory);
  if (tenant !== undefined) await pause(known);
  await empty(server, laboratory, () => undefined);
  return certify(server, name);
}

/** What a process that was late wrote of a laboratory that has left goes too. Returns how many rows that were. */
export async function sweepDeparted({ database }: Pick<Deleting, 'database'>): Promise<number> {
  let swept = 0;
  const tables = await tenantTables(database);
  for (const laboratory of await departedLaboratories(database)) {
    for (const table of tables) {
      if ((await countRows(database, laboratory, table)) > 0) swept += await deleteRows(database, laboratory, table);
    }
  }
  return swept;
}

/** Refuses all its requests, waits until none is under way, and only then reads the holds. */
async function close(
  { database }: Deleting,
  { id, name, status }: { id: number; name: string; status: 'active' | 'suspended' },
): Promise<void> {
  await setTenantStatus(database, name, 'suspended');
  await pause(known);
  const session: Session = { tenant: id, query: (statement) => database.query(id, statement) };
  const [hold, ...more] = await readHolds(session);
  if (hold === undefined) return;
  await setTenantStatus(database, name, status);
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  const sentence = `Legal hold ${hold.id}${others} keeps data of ${name} since ${hold.since}: nothing was deleted. Lift it first ($legal-hold-lift).`;
  throw outcomeError('conflict', sentence);
}

async function counted({ database, files }: Deleting, laboratory: number): Promise<Counts> {
  const tables: Record<string, number> = {};
  for (const table of await tenantTables(database)) tables[table] = await countRows(database, laboratory, table);
  return { tables, files: await countFiles(files, laboratory) };
}

async function countFiles(files: FileStore, laboratory: number): Promise<number> {
  let count = 0;
  for await (const _ of files.list(`${laboratory}/`)) count += 1;
  return count;
}

async function empty(server: Deleting, laboratory: number, progress: (what: string) => void): Promise<void> {
  const { database, files } = server;
  for await (const { key } of files.list(`${laboratory}/`)) await files.delete(key);
  progress('files');
  for (const table of await tenantTables(database)) {
    while ((await deleteRows(database, laboratory, table)) > 0) await pause(0);
    progress(table);
  }
}

/** @throws OutcomeError where something is left: a process still writes */
async function certify(server: Deleting, name: string): Promise<Signed> {
  const departure = await findDeparture(server.database, name);
  if (departure?.before === undefined) throw outcomeError('conflict', `The deletion of ${name} has not begun.`);
  const { laboratory, before } = departure;
  const after = await counted(server, laboratory);
  const left = Object.entries({ ...after.tables, files: after.files }).filter(([, count]) => count > 0);
  if (left.length > 0) {
    const names = left.map(([what, count]) => `${what} (${count})`).join(', ');
    throw outcomeError(
      'conflict',
      `Something of ${name} is still there: ${names}. A process writes; run the command again.`,
    );
  }
  const key = signatureKey(server.config.keyEncryptionKey());
  const made: Certificate = certificateOf(departure, before as unknown as Counts, after, key.thumbprint);
  const certificate = `${JSON.stringify(made, undefined, 1)}\n`;
  const signed = { certificate, signature: detachedSignature(key, Buffer.from(certificate)) };
  await endDeletion(server.database, laboratory, signed);
  return signed;
}
