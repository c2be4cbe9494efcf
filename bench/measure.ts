/**
 * Measuring a line: a warm-up of each side, then rounds that alternate between Makhbar and its limit, so that a drift of
 * the machine meets both; what is reported is the median of the rounds.
 */
import type { Bench, Line } from './lines.ts';
import type { HttpTask, Job, Round, SqlTask } from './load.ts';
import type { Helper } from './processes.ts';

export interface Side {
  rate: number;
  p50: number;
  p99: number;
  /** The rate of each round. */
  rounds: number[];
}

export interface Result {
  line: string;
  title: string;
  unit: string;
  connections: number;
  ours: Side;
  limit: Side;
  ratio: number;
  goal?: string;
  met?: boolean;
}

export interface Pace {
  rounds: number;
  seconds: number;
}

export async function measureLine(line: Line, bench: Bench, load: Helper<Job, Round>, pace: Pace): Promise<Result> {
  const sides = { ours: await line.ours(bench), limit: await line.limit(bench) };
  const rounds: Record<'ours' | 'limit', Round[]> = { ours: [], limit: [] };
  let offset = 0;
  const run = async (side: 'ours' | 'limit', seconds: number): Promise<Round> => {
    const round = await load.ask(jobOf(line, sides[side], seconds, offset));
    if (round.failed > 0) {
      throw new Error(`${line.name}: ${round.failed} requests of ${side} failed (${round.failure}).`);
    }
    offset += round.count;
    return round;
  };
  await run('ours', Math.max(1, pace.seconds / 2));
  await run('limit', Math.max(1, pace.seconds / 2));
  for (let n = 0; n < pace.rounds; n += 1) {
    rounds.ours.push(await run('ours', pace.seconds));
    rounds.limit.push(await run('limit', pace.seconds));
  }
  return resultOf(line, sideOf(rounds.ours, line), sideOf(rounds.limit, line));
}

function jobOf(line: Line, task: HttpTask | SqlTask, seconds: number, offset: number): Job {
  return { task, connections: line.connections, seconds, offset };
}

function sideOf(rounds: Round[], { each = 1 }: Line): Side {
  return {
    rate: median(rounds.map((round) => round.rate)) * each,
    p50: median(rounds.map((round) => round.p50)),
    p99: median(rounds.map((round) => round.p99)),
    rounds: rounds.map((round) => Math.round(round.rate * each)),
  };
}

function resultOf(line: Line, ours: Side, limit: Side): Result {
  const ratio = ours.rate / limit.rate;
  const { name, title, unit, connections } = line;
  const result = { line: name, title, unit, connections, ours, limit, ratio };
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
