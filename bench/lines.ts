/**
 * What is measured: each line is a task for Makhbar, the task that is its limit, and the goal.
 *
 * Both sides of a line use the same load generator, the same number of connections and rows of the same size. Limits
 * over HTTP go to bare.ts; limits over SQL are prepared statements that the generator sends itself, so they do without
 * HTTP altogether. Limits work as a superuser: no row level security.
 */
import type pg from 'pg';
import { serializeJson, type JsonObject } from '../src/fhir/json.ts';
import { requestBytes } from './connection.ts';
import { transactionText } from './data.ts';
import { chronicPatients, newObservation, patientResources, type Size } from './generate.ts';
import type { HttpTask, SqlTask, Task } from './load.ts';

export interface Bench {
  dataDir: string;
  /** Port and process of Makhbar. */
  port: number;
  /** Of its HL7 v2 gateway. */
  hl7Port: number;
  /** Of its ASTM gateway. */
  astmPort: number;
  pid: number;
  token: string;
  tenant: number;
  size: Size;
  /** Patients in the data set. */
  patients: number;
  barePort: number;
  barePid: number;
  superuserUrl: string;
  /** As Makhbar connects. */
  ownUrl: string;
  database: pg.Client;
}

export interface Line {
  name: string;
  title: string;
  unit: 'requests/s' | 'resources/s';
  connections: number;
  /** Resources that one request carries, where the unit counts them. */
  each?: number;
  /** At least this share of the limit … */
  ratio?: number;
  /** … or this rate … */
  rate?: number;
  /** … or at most this many times the limit's median latency … */
  latency?: number;
  /** … or at most this many milliseconds more than it. */
  extra?: number;
  /** What it may cost in a larger data set (growth.ts). */
  growth?: 'flat' | 'linear';
  /** Smaller data sets do not have what it needs. */
  from?: Size;
  ours(bench: Bench): Promise<HttpTask> | HttpTask;
  limit(bench: Bench): Promise<Task> | Task;
}

export const lines: readonly Line[] = [
  {
    name: 'read',
    title: 'read by id | bare http + one prepared SELECT of the same row',
    unit: 'requests/s',
    connections: 16,
    ratio: 0.7,
    ours: (bench) =>
      ours(
        bench,
        [200],
        observationIds(bench, 'read').map((id) => get(bench, `Observation/${id}`)),
      ),
    limit: async (bench) =>
      bare(
        bench,
        (await ridsOf(bench, observationIds(bench, 'read'))).map((rid) => `/one/${rid}`),
      ),
  },
  {
    name: 'create',
    title: 'create of one Observation | INSERT of a bare row',
    unit: 'requests/s',
    connections: 16,
    ratio: 0.5,
    ours: (bench) =>
      ours(
        bench,
        [201],
        newObservations(bench).map((body) => send(bench, 'POST', 'Observation', body)),
      ),
    limit: (bench) =>
      statement(
        bench,
        'insert into bench_row (content) values ($1)',
        newObservations(bench).map((body) => [body]),
      ),
  },
  {
    name: 'update',
    title: 'update of one Observation | UPDATE of a bare row',
    unit: 'requests/s',
    connections: 8,
    ours: (bench) =>
      ours(
        bench,
        [200],
        updates(bench).map(({ id, body }) => send(bench, 'PUT', `Observation/${id}`, body)),
      ),
    limit: (bench) =>
      statement(
        bench,
        'update bench_row set content = $1 where id = $2',
        updates(bench).map(({ body }, n) => [body, n + 1]),
      ),
  },
  transactionLine(100),
  transactionLine(1_000),
  {
    name: 'history',
    title: 'history of an instance, page of 20 | bare http + one SELECT of the 20 versions',
    unit: 'requests/s',
    connections: 8,
    ours: async (bench) => {
      const ids = await withHistory(bench);
      return ours(
        bench,
        [200],
        ids.map((id) => get(bench, `Observation/${id}/_history?_count=20`)),
      );
    },
    limit: async (bench) =>
      bare(
        bench,
        (await ridsOf(bench, await withHistory(bench))).map((rid) => `/versions/${rid}`),
      ),
  },
  {
    name: 'everything',
    title: 'Patient/$everything of 40 resources | bare http + one SELECT of the 40 rows',
    unit: 'requests/s',
    connections: 4,
    ours: (bench) =>
      ours(
        bench,
        [200],
        chronic().map(([patient]) => get(bench, `Patient/${idOf(patient)}/$everything`)),
      ),
    limit: async (bench) => {
      const groups: string[][] = [];
      for (const resources of chronic()) {
        groups.push(await ridsOf(bench, resources.map(idOf)));
      }
      return bare(
        bench,
        groups.map((rids) => `/many/${rids.join(',')}`),
      );
    },
  },
];

function transactionLine(size: number): Line {
  return {
    name: `transaction${size}`,
    title: `transaction of ${size.toLocaleString('en')} resources | one INSERT of as many bare rows`,
    unit: 'resources/s',
    connections: 4,
    each: size,
    rate: 3_000,
    ours: (bench) =>
      ours(
        bench,
        [200],
        bundles(size).map((resources) => send(bench, 'POST', '', transactionText(resources, 'POST'))),
      ),
    limit: (bench) =>
      statement(
        bench,
        'insert into bench_row (content) select unnest($1::jsonb[])',
        bundles(size).map((resources) => [resources.map((resource) => serializeJson(resource))]),
      ),
  };
}

/** The table that the limits write to. */
export async function makeBareRows(database: pg.Client): Promise<void> {
  await database.query(`drop table if exists bench_row`);
  await database.query(
    `create table bench_row (id int8 generated always as identity primary key, content jsonb not null)`,
  );
  await database.query(
    `insert into bench_row (content) select jsonb_build_object('n', n) from generate_series(1, 1000) n`,
  );
}

export function ours({ port }: Bench, status: number[], requests: Buffer[]): HttpTask {
  return { kind: 'http', port, status, requests };
}

function bare({ barePort }: Bench, paths: string[]): HttpTask {
  const requests = paths.map((path) => requestBytes({ method: 'GET', path }));
  return { kind: 'http', port: barePort, status: [200], requests };
}

function statement({ superuserUrl }: Bench, text: string, values: unknown[][]): SqlTask {
  return { kind: 'sql', url: superuserUrl, text, values };
}

export function get({ token }: Bench, path: string): Buffer {
  return requestBytes({ method: 'GET', path: `/demo/fhir/${path}`, token });
}

export function send({ token }: Bench, method: string, path: string, body: string): Buffer {
  return requestBytes({ method, path: `/demo/fhir${path === '' ? '' : `/${path}`}`, token }, body);
}

function idOf(resource: JsonObject | undefined): string {
  return String(resource?.['id']);
}

/** Reads and updates take different patients, so that what is read stays as it was loaded. */
export function observationIds({ patients }: Bench, use: 'read' | 'update'): string[] {
  const half = Math.floor((patients - chronicPatients) / 2);
  const [first, count] = use === 'read' ? [chronicPatients, half] : [chronicPatients + half, half];
  const step = Math.max(1, Math.floor(count / 400));
  const chosen = Array.from({ length: Math.min(400, count) }, (_, n) => patientResources(first + n * step));
  return chosen.flatMap((resources) => resources.filter(isObservation).map(idOf));
}

function isObservation(resource: JsonObject): boolean {
  return resource['resourceType'] === 'Observation';
}

function chronic(): JsonObject[][] {
  return Array.from({ length: chronicPatients }, (_, n) => patientResources(n));
}

function newObservations({ patients }: Bench): string[] {
  return Array.from({ length: 2_000 }, (_, n) => serializeJson(newObservation((n * 37) % patients, n)));
}

function updates(bench: Bench): { id: string; body: string }[] {
  return observationIds(bench, 'update')
    .slice(0, 1_000)
    .map((id, n) => ({ id, body: serializeJson({ ...newObservation(n % bench.patients, n), id }) }));
}

/** Resources of patients that the data set does not have; the last one may be cut short. */
function bundles(size: number): JsonObject[][] {
  const beyond = 1_000_000;
  const needed = Math.ceil(size / 12);
  return Array.from({ length: Math.max(4, Math.floor(4_000 / size)) }, (_, bundle) =>
    Array.from({ length: needed }, (__, n) => patientResources(beyond + bundle * needed + n))
      .flat()
      .slice(0, size),
  );
}

/** Eight Observations with at least 20 versions each, made where they do not have them yet. */
async function withHistory(bench: Bench): Promise<string[]> {
  const ids = observationIds(bench, 'update').slice(-8);
  for (const id of ids) {
    const [rid] = await ridsOf(bench, [id]);
    const { rows } = await bench.database.query<{ count: number }>(
      'select count(*)::int4 as count from resource_version where tenant_id = $1 and rid = $2',
      [bench.tenant, rid],
    );
    for (let n = rows[0]?.count ?? 0; n < 20; n += 1) {
      const response = await fetch(`http://127.0.0.1:${bench.port}/demo/fhir/Observation/${id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/fhir+json', authorization: `Bearer ${bench.token}` },
        body: serializeJson({ ...newObservation(1, n), id }),
      });
      await response.arrayBuffer();
    }
  }
  return ids;
}

/** Our own numbers of resources, in the order of the ids; ids of the generator are unique over all types. */
async function ridsOf(bench: Bench, ids: string[]): Promise<string[]> {
  const { rows } = await bench.database.query<{ fhir_id: string; rid: string }>(
    'select fhir_id, rid from resource where tenant_id = $1 and fhir_id = any($2)',
    [bench.tenant, ids],
  );
  const known = new Map(rows.map((row) => [row.fhir_id, row.rid]));
  return ids.map((id) => {
    const rid = known.get(id);
    if (rid === undefined) {
      throw new Error(`The data set lacks the resource ${id}.`);
    }
    return rid;
  });
}
