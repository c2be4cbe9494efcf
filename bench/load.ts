/**
 * The load generator: a process of its own, the same for Makhbar and for the limits it is compared with.
 *
 * A task is a closed loop: each of `connections` workers sends the next request when the answer to its last one is
 * there, for some seconds. Tasks over HTTP go to a server; tasks in SQL are prepared statements on as many connections.
 */
import pg from 'pg';
import { openConnection } from './connection.ts';

export interface HttpTask {
  kind: 'http';
  port: number;
  /** Taken in turn by all workers. */
  requests: Buffer[];
  /** Any other status counts as failed. */
  status: number[];
}

export interface SqlTask {
  kind: 'sql';
  url: string;
  text: string;
  values: unknown[][];
}

/** Several prepared statements a request, one after another, under the application's role for a tenant. */
export interface StatementsTask {
  kind: 'statements';
  url: string;
  tenant: number;
  requests: { readonly text: string; readonly values: readonly unknown[] }[][];
}

export type Task = HttpTask | SqlTask | StatementsTask;

export interface Job {
  task: Task;
  connections: number;
  seconds: number;
  /** Where to begin in the list of requests. */
  offset: number;
}

export interface Round {
  /** Requests a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  count: number;
  failed: number;
  /** The first failure, for the reader. */
  failure?: string;
}

interface Worker {
  step(n: number): Promise<void>;
  close(): Promise<void>;
}

/** Runs a job to its end. */
export async function runJob(job: Job): Promise<Round> {
  const { task } = job;
  const workers = await Promise.all(Array.from({ length: job.connections }, () => openWorker(task)));
  const latencies: number[] = [];
  const failures: string[] = [];
  let next = job.offset;
  const started = performance.now();
  const until = started + job.seconds * 1_000;
  const loop = async (worker: Worker): Promise<void> => {
    for (let now = performance.now(); now < until;) {
      const failure = await worker.step(next++).then(
        () => undefined,
        (error: Error) => error.message,
      );
      const then = performance.now();
      if (failure === undefined) {
        latencies.push(then - now);
      } else {
        failures.push(failure);
      }
      now = then;
      if (failures.length > 100) {
        return;
      }
    }
  };
  await Promise.all(workers.map(loop));
  const elapsed = (performance.now() - started) / 1_000;
  await Promise.all(workers.map((worker) => worker.close()));
  return summary(latencies, failures, elapsed);
}

function openWorker(task: Task): Promise<Worker> {
  if (task.kind === 'http') return httpWorker(task);
  return task.kind === 'sql' ? sqlWorker(task) : statementsWorker(task);
}

function summary(latencies: number[], failures: string[], elapsed: number): Round {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return {
    rate: sorted.length / elapsed,
    p50: at(0.5),
    p99: at(0.99),
    count: sorted.length,
    failed: failures.length,
    ...(failures[0] !== undefined && { failure: failures[0] }),
  };
}

async function httpWorker({ port, requests, status }: HttpTask): Promise<Worker> {
  let connection = await openConnection('127.0.0.1', port);
  return {
    async step(n) {
      try {
        const answered = await connection.send(requests[n % requests.length] as Buffer);
        if (!status.includes(answered.status)) {
          throw new Error(`status ${answered.status}: ${answered.begin}`);
        }
      } catch (error) {
        if (!(error as Error).message.startsWith('status')) {
          connection = await openConnection('127.0.0.1', port);
        }
        throw error;
      }
    },
    close: () => Promise.resolve(connection.close()),
  };
}

async function sqlWorker({ url, text, values }: SqlTask): Promise<Worker> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    async step(n) {
      await client.query({ name: 'limit', text, values: (values[n % values.length] ?? []) as unknown[] });
    },
    close: () => client.end(),
  };
}

async function statementsWorker({ url, tenant, requests }: StatementsTask): Promise<Worker> {
  const options = `-c timezone=UTC -c role=makhbar_app -c makhbar.tenant=${tenant}`;
  const client = new pg.Client({ connectionString: url, options });
  await client.connect();
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? `s${names.size}`;
    names.set(text, name);
    return name;
  };
  return {
    async step(n) {
      for (const { text, values } of requests[n % requests.length] ?? []) {
        await client.query({ name: nameOf(text), text, values: values as unknown[] });
      }
    },
    close: () => client.end(),
  };
}

process.on('message', (job: Job) => {
  runJob(job).then(
    (round) => process.send?.({ round }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
