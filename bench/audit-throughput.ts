/**
 * What the audit log costs: reads and searches by 16 callers, on a server that keeps one and on one that keeps none
 * (without-audit.ts), started in turn on the same data.
 */
import pg from 'pg';
import { superuserUrl } from './data.ts';
import { requestBytes } from './connection.ts';
import { patientResources, patientsOf, type Size } from './generate.ts';
import type { HttpTask, Round } from './load.ts';
import { median, type Pace } from './measure.ts';
import { runCommand, startLoad, startMakhbar } from './processes.ts';
import type { Figure } from './report.ts';

export interface Throughput {
  readonly dataDir: string;
  readonly size: Size;
  readonly pace: Pace;
  add(figure: Figure): void;
}

const connections = 16;
const without = ['--import', new URL('./without-audit.ts', import.meta.url).href];

type Measured = Record<string, Round[]>;

export async function measureThroughput({ dataDir, size, pace, add }: Throughput): Promise<void> {
  const [audited, unaudited]: [Measured, Measured] = [{}, {}];
  for (let n = 0; n < pace.rounds; n++) {
    await oneServer({ dataDir, size, seconds: pace.seconds, measured: audited, given: [] });
    await oneServer({ dataDir, size, seconds: pace.seconds, measured: unaudited, given: without });
  }
  for (const [name, rounds] of Object.entries(audited)) {
    const of = (side: readonly Round[] | undefined, what: 'rate' | 'p99'): number =>
      median((side ?? []).map((round) => round[what]));
    const ratio = of(rounds, 'rate') / of(unaudited[name], 'rate');
    const extra = of(rounds, 'p99') - of(unaudited[name], 'p99');
    const title = `${name} with the audit log (${Math.round(of(rounds, 'rate'))}/s) to without (${Math.round(of(unaudited[name], 'rate'))}/s)`;
    add({ name: 'audit-throughput', title, value: ratio, unit: 'of the rate', goal: '≥ 0.85', met: ratio >= 0.85 });
    add({
      name: 'audit-latency',
      title: `${name}: what the log adds`,
      value: extra,
      unit: 'ms (p99)',
      goal: '≤ 5 ms',
      met: extra <= 5,
    });
  }
}

interface OneServer {
  readonly dataDir: string;
  readonly size: Size;
  readonly seconds: number;
  readonly measured: Measured;
  readonly given: readonly string[];
}

async function oneServer({ dataDir, size, seconds, measured, given }: OneServer): Promise<void> {
  const server = await startMakhbar(dataDir, given);
  const load = startLoad();
  try {
    const token = await runCommand(dataDir, 'token', 'demo');
    const before = await eventsIn(dataDir);
    for (const [name, paths] of Object.entries(pathsOf(size))) {
      const requests = paths.map((path) => requestBytes({ method: 'GET', path: `/demo/fhir/${path}`, token }));
      const task: HttpTask = { kind: 'http', port: server.port, status: [200], requests };
      await load.ask({ task, connections, seconds: Math.max(1, seconds / 2), offset: 0 });
      const round = await load.ask({ task, connections, seconds, offset: 0 });
      if (round.failed > 0) throw new Error(`${name}: ${round.failed} requests failed (${round.failure}).`);
      measured[name] = [...(measured[name] ?? []), round];
    }
    const more = (await eventsIn(dataDir)) - before;
    if (more > 0 === given.length > 0)
      throw new Error(`${more} events were stored where there should be none, or some.`);
  } finally {
    await Promise.all([load.stop(), server.stop()]);
  }
}

/** Of requests alone: starts and commands have theirs on either server. */
async function eventsIn(dataDir: string): Promise<number> {
  const client = new pg.Client(superuserUrl(dataDir));
  await client.connect();
  const { rows } = await client.query<{ count: number }>(
    "select count(*)::int4 as count from audit_event where kind < 30 and time > now() - interval '1 hour'",
  );
  await client.end();
  return rows[0]?.count ?? 0;
}

function pathsOf(size: Size): Readonly<Record<'read' | 'search', string[]>> {
  const count = patientsOf[size];
  const patients = Array.from({ length: Math.min(count, 400) }, (_, n) =>
    patientResources(Math.floor((n * count) / 400) % count),
  );
  const ids = (type: string): string[] =>
    patients.flat().flatMap(({ resourceType, id }) => (resourceType === type ? [String(id)] : []));
  return {
    read: ids('Observation').map((id) => `Observation/${id}`),
    search: ids('Patient').map((id) => `Observation?patient=${id}&_sort=-date&_count=20`),
  };
}
