/** 64 callers at the same time, each with one search after another out of all lines: none may fail. */
import { get, ours, type Bench } from './lines.ts';
import type { Job, Round } from './load.ts';
import type { Pace } from './measure.ts';
import type { Helper } from './processes.ts';
import { randomOf } from './random.ts';
import { searchCases } from './search-catalog.ts';
import { preparedFor } from './search-lines.ts';
import { holds } from './generate.ts';

export interface Mixed extends Round {
  connections: number;
  met: boolean;
}

const connections = 64;

export async function mixedSearches(bench: Bench, load: Helper<Job, Round>, pace: Pace): Promise<Mixed> {
  const lists: Buffer[][] = [];
  for (const one of searchCases.filter(({ from }) => holds(bench.size, from))) {
    lists.push((await preparedFor(bench, one)).map(({ path }) => get(bench, path)));
  }
  const task = ours(bench, [200], shuffled(lists));
  const seconds = Math.max(5, pace.seconds * pace.rounds);
  const round = await load.ask({ task, connections, seconds, offset: 0 });
  return { ...round, connections, met: round.failed === 0 };
}

/** Every line as often as any other, in an order that is the same in every run. */
function shuffled(lists: Buffer[][]): Buffer[] {
  const random = randomOf(64);
  const cycles = 50;
  return Array.from({ length: cycles }, (_, n) =>
    lists
      .map((list) => ({ request: list[n % list.length] as Buffer, place: random.next() }))
      .sort((a, b) => a.place - b.place)
      .map(({ request }) => request),
  ).flat();
}
