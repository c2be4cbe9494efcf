/**
 * One of the processes of a bulk load: makes every n-th chunk of patients and copies its rows, a transaction a chunk.
 * Making rows and taking them in cost about the same, so two of these keep both cores busy.
 */
import pg from 'pg';
import type { Tenant } from '../src/store/tenants.ts';
import { indexParametersOf } from '../src/interactions/search-parameters.ts';
import type { TenantParameters } from '../src/search/parameters.ts';
import { addRows, bulkColumns, firstRid, ridsEach, type BulkRows } from './bulk-rows.ts';
import { copyIn } from './copy.ts';
import { patientResources } from './generate.ts';

export interface Share {
  url: string;
  tenant: Tenant;
  base: string;
  patients: number;
  /** This worker of so many. */
  worker: number;
  workers: number;
  /** Milliseconds; the last resource was written before this. */
  before: number;
}

/** Patients in a chunk. */
const chunk = 200;

async function load(share: Share): Promise<number> {
  const client = new pg.Client(share.url);
  await client.connect();
  await client.query('set synchronous_commit = off');
  const parameters = indexParametersOf(share);
  let loaded = 0;
  for (let first = share.worker * chunk; first < share.patients; first += share.workers * chunk) {
    const last = Math.min(first + chunk, share.patients);
    const { rows, count } = chunkRows(share, [first, last], parameters);
    await client.query('begin');
    for (const [table, made] of Object.entries(rows)) {
      await copyIn(client, `${table} (${(bulkColumns[table] ?? []).join(', ')})`, made);
    }
    await client.query('commit');
    loaded += count;
    process.send?.({ patients: last - first });
  }
  await client.end();
  return loaded;
}

type Range = readonly [first: number, end: number];

function chunkRows(
  { tenant, patients, before }: Share,
  [first, end]: Range,
  parameters: TenantParameters,
): { rows: BulkRows; count: number } {
  const rows: BulkRows = {};
  let count = 0;
  for (let n = first; n < end; n += 1) {
    patientResources(n).forEach((resource, i) => {
      const place = n * ridsEach + i + 1;
      const rid = firstRid + place;
      const at = new Date(before - (patients * ridsEach - place)).toISOString();
      addRows(rows, resource, { tenant: tenant.id, rid, at }, parameters);
      count += 1;
    });
  }
  return { rows, count };
}

process.on('message', (share: Share) => {
  load(share).then(
    (loaded) => process.send?.({ loaded }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
