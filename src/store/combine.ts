/**
 * Concurrent single reads or writes of a tenant travel together: while a statement is under way, further entries wait
 * for the next. A lone caller loses nothing, as the first lane is always free for it; a further lane opens only for a
 * group, since every statement costs as much as several entries: with 16 callers, lanes that open for any entry cost a
 * third more processor time, and a single lane leaves one of the two processes idle. For the same reason entries that
 * arrive in one turn of the event loop go out together: that alone took a tenth off the processor time of reads and
 * creates with 16 callers.
 *
 * 1. An entry is answered only after the statement that holds it has committed.
 * 2. Two entries for one resource never share a statement and are never under way at once: the second must see the
 *    version of the first, and would have to be done twice where it waits for it.
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
  /** It is looked at when all that has arrived has been read. */
  gathering: boolean;
  /** Keys of the entries under way. */
  readonly keys: Set<string>;
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
      const batch = takeBatch(queue, batching);
      if (batch.length === 0) return;
      queue.busy++;
      void send(tenant, batch).then(() => {
        queue.busy--;
        for (const { entry } of batch) queue.keys.delete(batching.key(entry) ?? '');
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
        const queue = queues.get(tenant) ?? { waiting: [], busy: 0, gathering: false, keys: new Set() };
        queues.set(tenant, queue);
        queue.waiting.push({ entry, resolve, reject });
        if (queue.gathering) return;
        queue.gathering = true;
        setImmediate(() => {
          queue.gathering = false;
          pump(tenant, queue);
        });
      }),
  };
}

/** Entries that are looked at to fill a batch: past so many the queue is one of changes to few resources. */
const looked = 1_000;

/** From the front, without those whose key is taken: by one before them or by one under way. */
function takeBatch<Entry, Result>(
  queue: Queue<Entry, Result>,
  batching: Batching<Entry, Result>,
): Waiting<Entry, Result>[] {
  const batch: Waiting<Entry, Result>[] = [];
  const left: Waiting<Entry, Result>[] = [];
  const taken = new Set<string>();
  let end = 0;
  for (; end < Math.min(queue.waiting.length, looked) && batch.length < batching.most; end++) {
    const next = queue.waiting[end] as Waiting<Entry, Result>;
    const key = batching.key(next.entry);
    const free = key === undefined || !(taken.has(key) || queue.keys.has(key));
    (free ? batch : left).push(next);
    if (key !== undefined) taken.add(key);
  }
  queue.waiting.splice(0, end, ...left);
  for (const { entry } of batch) {
    const key = batching.key(entry);
    if (key !== undefined) queue.keys.add(key);
  }
  return batch;
}
