/**
 * Loads the larger data sets in minutes: the rows that the server would have written, by COPY, validation left out (the
 * generator's resources pass it: the small sets travel through the front door).
 *
 * It works as a superuser: COPY FROM is refused to whom row level security binds, and forced policies bind the owner.
 * Indexes other than keys are made afterwards. Sorting beats inserting hash keys at random places, and the indexes are
 * as dense as after a restore.
 */
import { fork } from 'node:child_process';
import pg from 'pg';
import { findTenant, type Tenant } from '../src/store/tenants.ts';
import { openDatabase } from '../src/store/pool.ts';
import { bulkColumns, firstRid, ridsEach } from './bulk-rows.ts';
import type { Share } from './bulk-worker.ts';

export interface Bulk {
  /** Of a superuser. */
  url: string;
  port: number;
  token: string;
  patients: number;
  progress(share: number): void;
}

const workers = 2;

/** Gives the number of resources. */
export async function loadInBulk(bulk: Bulk): Promise<number> {
  await settle(bulk);
  const client = new pg.Client(bulk.url);
  await client.connect();
  try {
    await refuseRest(client);
    const definitions = await dropIndexes(client);
    const loaded = await copyAll(bulk);
    for (const definition of definitions) {
      await client.query(definition);
    }
    await client.query(`select setval('resource_rid', $1)`, [firstRid + bulk.patients * ridsEach]);
    return loaded;
  } finally {
    await client.end();
  }
}

/** A first request while the laboratory is empty: the product's search parameters then count as indexed, as they are. */
async function settle({ port, token }: Bulk): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/demo/fhir/Patient`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!response.ok) throw new Error(`The empty server answered ${response.status}: ${await response.text()}`);
}

async function refuseRest(client: pg.Client): Promise<void> {
  const { rows } = await client.query('select from resource where rid > $1 limit 1', [firstRid]);
  if (rows.length > 0) throw new Error('The folder of --data holds an unfinished load; delete it.');
}

/** Gives the statements that make them again. */
async function dropIndexes(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
     from pg_index i join pg_class t on t.oid = i.indrelid
     where t.relnamespace = 'public'::regnamespace and t.relname = any($1) and not i.indisunique`,
    [Object.keys(bulkColumns)],
  );
  for (const { name } of rows) {
    await client.query(`drop index ${name}`);
  }
  return rows.map(({ definition }) => definition);
}

async function copyAll({ url, port, patients, progress }: Bulk): Promise<number> {
  const tenant = await findLaboratory(url);
  let done = 0;
  const told = (more: number) => progress((done += more) / patients);
  const share = { url, tenant, base: `http://127.0.0.1:${port}/demo/fhir`, patients, workers, before: Date.now() };
  const loaded = await Promise.all(
    Array.from({ length: workers }, (_, worker) => runWorker({ ...share, worker }, told)),
  );
  return loaded.reduce((sum, count) => sum + count, 0);
}

async function findLaboratory(url: string): Promise<Tenant> {
  const database = openDatabase({ url, connections: 2, statementTimeout: 60_000 });
  try {
    const tenant = await findTenant(database, 'demo');
    if (tenant === undefined) throw new Error('The server has no laboratory "demo".');
    return tenant;
  } finally {
    await database.close();
  }
}

function runWorker(share: Share, told: (patients: number) => void): Promise<number> {
  const child = fork(new URL('./bulk-worker.ts', import.meta.url));
  return new Promise<number>((resolve, reject) => {
    child.on('message', ({ patients, loaded, error }: { patients?: number; loaded?: number; error?: string }) => {
      if (patients !== undefined) told(patients);
      if (loaded !== undefined) resolve(loaded);
      if (error !== undefined) reject(new Error(`Loading failed: ${error}`));
    });
    child.on('exit', (code) => reject(new Error(`Loading failed: a worker ended with ${code}.`)));
    child.send(share);
  }).finally(() => child.kill());
}
