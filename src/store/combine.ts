/**
 * Concurrent single reads or writes of a tenant travel together: while a statement is under way, further entries wait
 * for the next. A lone caller loses nothing, as the first lane is always free for it; a further lane opens only for a
 * group, since every statement costs as much as several entries: with 16 callers, lanes that open for any entry cost a
 * third more processor time, and a single lane leaves one of the two processes idle.
 *
 * 1. An entry is answered only after the statement that holds it has committed.
 * 2. Two entries for one resource never share a statement: the second must see the version of the first.
 * 3. When PostgreSQL refuses a shared statement for its data, each of its entries is tried alone, so that one caller's
 *    row cannot fail another's.
 */
import { OutcomeError } from '../fhir/outcome.ts';
import type { Database, Statement } from './pool.ts';

export interface Combiner<Entry, Result> {
  submit(tenant: number, entry: Entry): Promise<Result>;
}

export interface Batching<Entry, Result> {
  /** Entries with the same key never share a statement; undefined shares with all. */
  key(entry: Entry): string | undefined;
  statement(tenant: number, entries: readonly Entry[]): Statement;
  /** The result of each entry, by its position. */
  results(rows: readonly unknown[], entries: readonly Entry[]): Result[];
  /** Statements of one tenant under way at once. */
  lanes: number;
  /** Most entries of one statement. */
  most: number;
}

/** Entries that have to wait for each lane that is busy before another opens. */
const group = 7;

interface Waiting<Entry, Result> {
  entry: Entry;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

interface Queue<Entry, Result> {
  waiting: Waiting<Entry, Result>[];
  busy: number;
}

export function makeCombiner<Entry, Result>(
  database: Database,
  batching: Batching<Entry, Result>,
): Combiner<Entry, Result> {
  const queues = new Map<number, Queue<Entry, Result>>();

  const send = async (tenant: number, batch: Waiting<Entry, Result>[]): Promise<void> => {
    const entries = batch.map((waiting) => waiting.entry);
    try {
      const rows = await database.hot<unknown>(tenant, batching.statement(tenant, entries));
      const results = batching.results(rows, entries);
      batch.forEach((waiting, i) => waiting.resolve(results[i] as Result));
    } catch (error) {
      // An outage or a lock concerns all of them, and a lost connection may hide a commit: nothing is sent again.
      if (batch.length === 1 || error instanceof OutcomeError) {
        batch.forEach((waiting) => waiting.reject(error));
        return;
      }
      for (const alone of batch) {
        await send(tenant, [alone]);
      }
    }
  };

  const pump = (tenant: number, queue: Queue<Entry, Result>): void => {
    while (queue.busy < batching.lanes && queue.waiting.length > queue.busy * group) {
      queue.busy++;
      void send(tenant, takeBatch(queue, batching)).then(() => {
        queue.busy--;
        if (queue.busy === 0 && queue.waiting.length === 0) {
          queues.delete(tenant);
        }
        pump(tenant, queue);
      });
    }
  };

  return {
    submit: (tenant, entry) =>
      new Promise((resolve, reject) => {
        const queue = queues.get(tenant) ?? { waiting: [], busy: 0 };
        queues.set(tenant, queue);
        queue.waiting.push({ entry, resolve, reject });
        pump(tenant, queue);
      }),
  };
}

/** The longest run from the front in which no key repeats. */
function takeBatch<Entry, Result>(
  queue: Queue<Entry, Result>,
  batching: Batching<Entry, Result>,
): Waiting<Entry, Result>[] {
  const keys = new Set<string>();
  let end = 0;
  for (; end < queue.waiting.length && end < batching.most; end++) {
    const next = queue.waiting[end];
    const key = next && batching.key(next.entry);
    if (key !== undefined && keys.has(key)) {
      break;
    }
    if (key !== undefined) {
      keys.add(key);
    }
  }
  return queue.waiting.splice(0, end);
}
