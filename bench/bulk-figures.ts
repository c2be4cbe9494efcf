/**
 * Bulk export and import against the same COPY by hand in the same run: the laboratory's resources joined to their versions, read
 * over one connection and thrown away. An export besides encrypts what it writes and waits its turn as a job.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { serializeJson } from '../src/fhir/json.ts';
import { newObservation } from './generate.ts';
import type { Bench } from './lines.ts';
import { median } from './measure.ts';
import { memoryOf } from './processes.ts';
import type { Figure } from './report.ts';

export const bulkFigures = ['bulk-export', 'bulk-patient', 'bulk-filter', 'bulk-import'] as const;

export interface BulkWanted {
  readonly bench: Bench;
  wants(name: string): boolean;
  add(figure: Figure): void;
}

/** Lines of the import. */
const imported = 60_000;

export async function measureBulk({ bench, wants, add }: BulkWanted): Promise<void> {
  if (wants('bulk-import')) {
    const rate = await importRate(bench);
    add({
      name: 'bulk-import',
      title: 'import, validated',
      value: rate,
      unit: 'resources/s',
      goal: '≥ 5000',
      met: rate >= 5_000,
    });
  }
  const limit = median([await copyByHand(bench), await copyByHand(bench), await copyByHand(bench)]);
  add({ name: 'bulk-copy', title: 'the same COPY by hand', value: limit, unit: 'resources/s' });
  if (wants('bulk-export')) {
    const { rate, memory } = await exported(bench, '$export');
    add(ratio('bulk-export', 'export of the system', rate / limit, 0.7));
    add({ name: 'bulk-export-rate', title: 'export of the system', value: rate, unit: 'resources/s' });
    add({ name: 'bulk-export-memory', title: 'memory added by it', value: memory, unit: 'MB' });
    const quiet = readLatencies(bench);
    await pause(3_000);
    const alone = await quiet.stop();
    const reading = readLatencies(bench);
    await exported(bench, '$export');
    const value = (await reading.stop()) / alone;
    add({
      name: 'bulk-export-reads',
      title: 'p99 of reads during it, times that of a quiet server',
      value,
      unit: '×',
      goal: '≤ 2',
      met: value <= 2,
    });
  }
  if (wants('bulk-patient'))
    add(ratio('bulk-patient', 'export of Patient', (await exported(bench, 'Patient/$export')).rate / limit, 0.3));
  if (wants('bulk-filter')) {
    const path = '$export?_type=Observation&_typeFilter=Observation%3Fstatus%3Dfinal';
    add(ratio('bulk-filter', 'export with _typeFilter', (await exported(bench, path)).rate / limit, 0.3));
  }
}

function ratio(name: string, title: string, value: number, goal: number): Figure {
  return { name, title: `${title}, of the COPY`, value, unit: '×', goal: `≥ ${goal}`, met: value >= goal };
}

/** Resources a second. */
function copyByHand({ database, tenant }: Bench): Promise<number> {
  const begun = performance.now();
  let count = 0;
  return new Promise((resolve, reject) => {
    const copy = {
      submit: (connection: pg.Connection) =>
        connection.query(`copy (select coalesce(v.exact, v.content::text) from resource r
          join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
          where r.tenant_id = ${tenant} and not r.deleted)
          to stdout (format csv, delimiter E'\\x02', quote E'\\x01')`),
      handleCopyData: () => {
        count += 1;
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => resolve(count / ((performance.now() - begun) / 1_000)),
      handleError: reject,
    };
    database.query(copy as unknown as pg.Submittable);
  });
}

interface Ended {
  /** Resources a second of the export, from its first step to its last. */
  readonly rate: number;
  /** Megabytes. */
  readonly memory: number;
}

async function ask({ port, token }: Bench, path: string, init: RequestInit = {}): Promise<Response> {
  const url = path.startsWith('http') ? path : `http://127.0.0.1:${port}/demo/fhir/${path}`;
  const headers = {
    authorization: `Bearer ${token}`,
    prefer: 'respond-async',
    ...(init.headers as Record<string, string>),
  };
  return fetch(url, { ...init, headers });
}

async function finished(bench: Bench, begun: Response, look: () => void): Promise<Response> {
  const status = begun.headers.get('content-location');
  if (begun.status !== 202 || status === null) throw new Error(`${begun.status} ${await begun.text()}`);
  for (;;) {
    const answer = await ask(bench, status);
    if (answer.status === 200) return answer;
    if (answer.status !== 202 && answer.status !== 429) throw new Error(`${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
    look();
    await pause(550);
  }
}

async function exported(bench: Bench, path: string): Promise<Ended> {
  const before = memoryOf(bench.pid).now;
  let most = before;
  const answer = await finished(bench, await ask(bench, path), () => {
    most = Math.max(most, memoryOf(bench.pid).now);
  });
  const manifest = (await answer.json()) as { output: { count: number }[] };
  const count = manifest.output.reduce((sum, file) => sum + file.count, 0);
  const { rows } = await bench.database.query<{ seconds: string }>(
    `select extract(epoch from finished - moment) as seconds from bulk_export where tenant_id = $1 order by created desc limit 1`,
    [bench.tenant],
  );
  return { rate: count / Number(rows[0]?.seconds), memory: most - before };
}

async function importRate(bench: Bench): Promise<number> {
  const lines = Array.from({ length: imported }, (_, n) => {
    const observation = newObservation(n % bench.patients, n);
    return `${serializeJson({ ...observation, id: `bulk-${process.pid}-${n}` })}\n`;
  });
  const headers = { 'content-type': 'application/fhir+ndjson' };
  const begun = await ask(bench, '$import', { method: 'POST', headers, body: lines.join('') });
  await (await finished(bench, begun, () => undefined)).arrayBuffer();
  const { rows } = await bench.database.query<{ seconds: string }>(
    `select extract(epoch from finished - created) as seconds from bulk_import where tenant_id = $1 order by created desc limit 1`,
    [bench.tenant],
  );
  return imported / Number(rows[0]?.seconds);
}

/** Reads by id, one after the other, until they are stopped: p99 in milliseconds. */
function readLatencies(bench: Bench): { stop(): Promise<number> } {
  let going = true;
  const measured: number[] = [];
  const work = (async () => {
    const found = (await (await ask(bench, 'Patient?_count=1')).json()) as { entry: { resource: { id: string } }[] };
    const path = `Patient/${found.entry[0]?.resource.id}`;
    while (going) {
      const begun = performance.now();
      await (await ask(bench, path)).arrayBuffer();
      measured.push(performance.now() - begun);
    }
  })();
  return {
    stop: async () => {
      going = false;
      await work;
      measured.sort((a, b) => a - b);
      return measured[Math.floor(measured.length * 0.99)] ?? 0;
    },
  };
}
