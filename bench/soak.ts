/**
 * Memory under lasting load: reads, creates, updates, histories and transactions mixed as in a laboratory's day, for
 * minutes, with the resident memory of the server sampled every few seconds.
 *
 * Flat means: the median of the last quarter is at most a tenth above that of the second quarter. The first quarter is
 * left out, because there caches and compiled code still grow.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { lines, type Bench, type Line } from './lines.ts';
import type { HttpTask, Job, Round } from './load.ts';
import { median } from './measure.ts';
import { memoryOf, type Helper } from './processes.ts';

export interface Soak {
  minutes: number;
  requests: number;
  failed: number;
  failure?: string;
  /** Megabytes: the median of each quarter. */
  quarters: number[];
  growth: number;
  met: boolean;
}

/** How often each line's request comes in a hundred. */
const mix: Record<string, number> = { read: 70, create: 15, update: 8, history: 4, everything: 2, transaction100: 1 };

export async function soak(bench: Bench, load: Helper<Job, Round>, pid: number, minutes: number): Promise<Soak> {
  const task = await mixedTask(bench);
  const running = load.ask({ task, connections: 16, seconds: minutes * 60, offset: 0 });
  let over = false;
  const done = running.finally(() => (over = true));
  const samples: number[] = [];
  while (!over) {
    await Promise.race([done, pause(Math.min(5_000, minutes * 1_000))]);
    samples.push(memoryOf(pid).now);
  }
  const round = await done;
  const quarter = Math.floor(samples.length / 4);
  const quarters = [0, 1, 2, 3].map((n) => median(samples.slice(n * quarter, (n + 1) * quarter)));
  const growth = (quarters[3] ?? Number.NaN) / (quarters[1] ?? Number.NaN);
  return {
    minutes,
    requests: round.count,
    failed: round.failed,
    ...(round.failure !== undefined && { failure: round.failure }),
    quarters,
    growth,
    met: growth <= 1.1 && round.failed === 0,
  };
}

async function mixedTask(bench: Bench): Promise<HttpTask> {
  const requests: Buffer[] = [];
  const tasks = new Map<string, HttpTask>();
  for (const name of Object.keys(mix)) {
    tasks.set(name, await (lines.find((line) => line.name === name) as Line).ours(bench));
  }
  for (let n = 0; n < 20; n += 1) {
    for (const [name, share] of Object.entries(mix)) {
      const { requests: own } = tasks.get(name) as HttpTask;
      requests.push(...Array.from({ length: share }, (_, i) => own[(n * share + i) % own.length] as Buffer));
    }
  }
  return { kind: 'http', port: bench.port, status: [200, 201], requests };
}
