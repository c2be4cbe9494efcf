/**
 * Worklists of a laboratory with many orders: of a thousand orders one waits to be run, and one in ten of these is overdue.
 * The orders are made once for a data folder, in the laboratory of the bench, by COPY as the server would have stored them.
 */
import type { JsonObject } from '../src/fhir/json.ts';
import { indexParametersOf } from '../src/interactions/search-parameters.ts';
import { openDatabase } from '../src/store/pool.ts';
import { findTenantById } from '../src/store/tenants.ts';
import { addRows, bulkColumns, type BulkRows } from './bulk-rows.ts';
import { openConnection, requestBytes } from './connection.ts';
import { copyIn } from './copy.ts';
import type { Bench } from './lines.ts';
import type { Figure } from './report.ts';

export interface WorklistsWanted {
  readonly bench: Bench;
  readonly orders: number;
  print(text: string): void;
}

/** Apart from the numbers of what the server stores. */
const firstOrder = 2 ** 40;
const chunk = 5_000;
const [day, hour] = [86_400_000, 3_600_000];
const [warm, times] = [20, 300];

const asked = [
  ['to-run', 'ServiceRequest?_query=to-run&_count=50'],
  ['to-run, sorted', 'ServiceRequest?_query=to-run&_sort=due&_count=50'],
  ['to-run, how many', 'ServiceRequest?_query=to-run&_summary=count'],
  ['overdue', 'ServiceRequest?_query=overdue&_count=50'],
  ['overdue, how many', 'ServiceRequest?_query=overdue&_summary=count'],
] as const;

export async function measureWorklists(wanted: WorklistsWanted): Promise<Figure[]> {
  const { bench, orders } = wanted;
  await fill(wanted);
  const figures: Figure[] = [];
  const connection = await openConnection('127.0.0.1', bench.port);
  for (const [name, path] of asked) {
    const request = requestBytes({ method: 'GET', path: `/demo/fhir/${path}`, token: bench.token });
    const measured: number[] = [];
    for (let n = 0; n < warm + times; n++) {
      const started = performance.now();
      const { status, begin } = await connection.send(request);
      if (status !== 200) throw new Error(`${path}: ${status} ${begin}`);
      if (n >= warm) measured.push(performance.now() - started);
    }
    const sorted = measured.toSorted((a, b) => a - b);
    const value = sorted[Math.floor(times / 2)] ?? Number.NaN;
    const title = `${name} of ${orders.toLocaleString('en')} orders (p99 ${(sorted[Math.floor(times * 0.99)] ?? 0).toFixed(1)} ms)`;
    figures.push({ name: 'worklists', title, value, unit: 'ms (p50)', goal: '≤ 5 ms', met: value <= 5 });
  }
  connection.close();
  return figures;
}

async function fill({ bench, orders, print }: WorklistsWanted): Promise<void> {
  const { rows } = await bench.database.query('select from resource where rid >= $1 limit 1', [firstOrder]);
  if (rows.length > 0) return;
  const database = openDatabase({ url: bench.ownUrl, connections: 1, statementTimeout: 60_000 });
  const tenant = await findTenantById(database, bench.tenant);
  await database.close();
  if (tenant === undefined) throw new Error('The laboratory of the bench is gone.');
  const parameters = indexParametersOf({ tenant, base: `http://127.0.0.1:${bench.port}/demo/fhir` });
  const now = Date.now();
  for (let first = 0; first < orders; first += chunk) {
    const made: BulkRows = {};
    for (let n = first; n < Math.min(first + chunk, orders); n++) {
      const at = new Date(now - ((orders - n) / orders) * 365 * day).toISOString();
      addRows(made, order(n, now), { tenant: tenant.id, rid: firstOrder + n, at }, parameters);
    }
    await bench.database.query('begin');
    for (const [table, lines] of Object.entries(made)) {
      await copyIn(bench.database, `${table} (${(bulkColumns[table] ?? []).join(', ')})`, lines);
    }
    await bench.database.query('commit');
    if ((first / chunk) % 20 === 0) print(`making orders: ${Math.round((first / orders) * 100)} %`);
  }
  await bench.database.query('vacuum (analyze) resource');
  await bench.database.query('analyze');
}

function order(n: number, now: number): JsonObject {
  const isOpen = n % 1_000 === 0;
  const due = new Date(now + (n % 10_000 === 0 ? -hour : hour)).toISOString();
  return {
    resourceType: 'ServiceRequest',
    id: `worklist-${n}`,
    extension: [
      { url: 'urn:makhbar:extension:due', valueDateTime: due },
      ...(isOpen ? [{ url: 'urn:makhbar:extension:order-progress', valueCode: 'received' }] : []),
    ],
    status: isOpen ? 'active' : 'completed',
    intent: 'order',
    priority: n % 20 === 0 ? 'stat' : 'routine',
    code: { coding: [{ system: 'urn:makhbar:catalogue', code: `test-${n % 200}` }] },
    subject: { reference: `Patient/worklist-${n % 20_000}` },
    authoredOn: new Date(now - (n % 365) * day).toISOString(),
    specimen: [{ reference: `Specimen/worklist-${n}` }],
  };
}
