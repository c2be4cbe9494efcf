/**
 * Measuring a line: a warm-up of each side, then rounds that alternate between Makhbar and its limit, so that a drift of
 * the machine meets both; what is reported is the median of the rounds.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench, Line } from './lines.ts';
import type { Job, Round, Task } from './load.ts';
import { postgresSeconds, processorSeconds, type Helper } from './processes.ts';

export interface Side {
  rate: number;
  p50: number;
  p99: number;
  /** The rate of each round. */
  rounds: number[];
  /** Microseconds of processor time a request: they drift less than rates on a machine that does other work too. */
  cpu: Processor;
}

export interface Processor {
  node: number;
  postgres: number;
}

export interface Result {
  line: string;
  title: string;
  unit: string;
  connections: number;
  ours: Side;
  limit: Side;
  /** Ours / the limit: of the rates; of the medians of the latencies where those have the goal. */
  ratio: number;
  goal?: string;
  met?: boolean;
  growth?: 'flat' | 'linear';
}

export interface Pace {
  rounds: number;
  seconds: number;
}

export async function measureLine(line: Line, bench: Bench, load: Helper<Job, Round>, pace: Pace): Promise<Result> {
  const sides = { ours: await line.ours(bench), limit: await line.limit(bench) };
  const rounds: Record<SideName, Measured[]> = { ours: [], limit: [] };
  let offset = 0;
  const run = async (side: SideName, seconds: number): Promise<Measured> => {
    const before = processorOf(bench, side, sides[side]);
    const round = await load.ask(jobOf(line, sides[side], seconds, offset));
    // Backends of the load generator count once PostgreSQL has seen them end.
    await pause(50);
    const after = processorOf(bench, side, sides[side]);
    if (round.failed > 0) {
      throw new Error(`${line.name}: ${round.failed} requests of ${side} failed (${round.failure}).`);
    }
    offset += round.count;
    const each = (then: number, now: number) => ((now - then) / round.count) * 1e6;
    return { ...round, cpu: { node: each(before.node, after.node), postgres: each(before.postgres, after.postgres) } };
  };
  await run('ours', Math.max(1, pace.seconds / 2));
  await run('limit', Math.max(1, pace.seconds / 2));
  for (let n = 0; n < pace.rounds; n += 1) {
    rounds.ours.push(await run('ours', pace.seconds));
    rounds.limit.push(await run('limit', pace.seconds));
  }
  return resultOf(line, sideOf(rounds.ours, line), sideOf(rounds.limit, line));
}

type SideName = 'ours' | 'limit';

type Measured = Round & { cpu: Processor };

/** Seconds used so far; a limit in SQL has no server of its own. */
function processorOf(bench: Bench, side: SideName, task: Task): Processor {
  const pid = side === 'ours' ? bench.pid : bench.barePid;
  const node = task.kind === 'http' ? processorSeconds(pid) : 0;
  return { node, postgres: postgresSeconds(bench.dataDir) };
}

function jobOf(line: Line, task: Task, seconds: number, offset: number): Job {
  return { task, connections: line.connections, seconds, offset };
}

function sideOf(rounds: Measured[], { each = 1 }: Line): Side {
  return {
    rate: median(rounds.map((round) => round.rate)) * each,
    p50: median(rounds.map((round) => round.p50)),
    p99: median(rounds.map((round) => round.p99)),
    rounds: rounds.map((round) => Math.round(round.rate * each)),
    cpu: {
      node: median(rounds.map((round) => round.cpu.node)) / each,
      postgres: median(rounds.map((round) => round.cpu.postgres)) / each,
    },
  };
}

function resultOf(line: Line, ours: Side, limit: Side): Result {
  const ratio = line.latency === undefined && line.extra === undefined ? ours.rate / limit.rate : ours.p50 / limit.p50;
  const { name, title, unit, connections, growth } = line;
  const result = { line: name, title, unit, connections, ours, limit, ratio, ...(growth && { growth }) };
  if (line.latency !== undefined) {
    return { ...result, goal: `p50 ≤ ${line.latency} × the limit's`, met: ratio <= line.latency };
  }
  if (line.extra !== undefined) {
    const met = ours.p50 <= limit.p50 + line.extra;
    return { ...result, goal: `p50 ≤ the limit's + ${line.extra} ms`, met };
  }
  if (line.ratio !== undefined) {
    return { ...result, goal: `ratio ≥ ${line.ratio}`, met: ratio >= line.ratio };
  }
  if (line.rate !== undefined) {
    return { ...result, goal: `≥ ${line.rate.toLocaleString('en')} ${unit}`, met: ours.rate >= line.rate };
  }
  return result;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
