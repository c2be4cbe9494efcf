/**
 * The searches as lines: over HTTP, and as the same prepared statements sent by hand under the same role and policy.
 *
 * One caller unless told otherwise (`--callers`): the latency of several is a queue before the one thread of the server,
 * which says how many cores there are, not what a search costs. Many callers at once are the mix (mixed.ts).
 */
import { openDatabase } from '../src/store/pool.ts';
import { get, ours, type Bench, type Line } from './lines.ts';
import type { StatementsTask } from './load.ts';
import { searchCases, type SearchCase } from './search-catalog.ts';
import { prepareSearches, type PreparedSearch } from './search-prepare.ts';

/** Prepared once for both sides, and for the mix. */
const preparations = new WeakMap<Bench, Map<string, Promise<PreparedSearch[]>>>();

export function preparedFor(bench: Bench, one: SearchCase): Promise<PreparedSearch[]> {
  const known = preparations.get(bench) ?? new Map<string, Promise<PreparedSearch[]>>();
  preparations.set(bench, known);
  const prepared = known.get(one.name) ?? prepare(bench, one);
  known.set(one.name, prepared);
  return prepared;
}

async function prepare(bench: Bench, one: SearchCase): Promise<PreparedSearch[]> {
  const database = openDatabase({ url: bench.ownUrl, connections: 2, statementTimeout: 60_000 });
  try {
    return await prepareSearches({ ...bench, database }, one);
  } finally {
    await database.close();
  }
}

export const searchLines = (connections: number): Line[] =>
  searchCases.map((one): Line => ({
    name: one.name,
    title: `${one.title} | the same prepared SQL`,
    unit: 'requests/s',
    connections,
    latency: 3,
    growth: one.growth,
    ...(one.from && { from: one.from }),
    ours: async (bench) =>
      ours(
        bench,
        [200],
        (await preparedFor(bench, one)).map(({ path }) => get(bench, path)),
      ),
    limit: async (bench): Promise<StatementsTask> => ({
      kind: 'statements',
      url: bench.ownUrl,
      tenant: bench.tenant,
      requests: (await preparedFor(bench, one)).map(({ statements }) => statements),
    }),
  }));
