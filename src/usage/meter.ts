/**
 * Counts in memory what laboratories use, and stores it in groups.
 *
 * 1. A request never waits for the meter; only a write to a laboratory with a storage limit asks it, and then at most
 *    once in `levelLifetime` for each laboratory the database.
 * 2. What was counted is stored every `flushEvery` and at the end of the process. A process that is killed loses the
 *    counts of at most that time; stored bytes are measured anew each day (jobs/measure-storage.ts).
 * 3. Counts that could not be stored are kept and tried again.
 *
 * It costs a request 2 µs. Rejected: counting in the statement of the write. All writers of a laboratory would wait for
 * one row.
 */
import { createHash } from 'node:crypto';
import type { Log } from '../log.ts';
import type { Database } from '../store/pool.ts';
import { addUsage, readStored, type Counted } from '../store/usage.ts';
import type { Metric } from './metrics.ts';

const flushEvery = 5_000;
/** Milliseconds for which the stored level is remembered: by as much a limit may be overrun. */
const levelLifetime = 2_000;

export interface Meter {
  count(tenant: number, metric: Metric, by?: number): void;
  /** Somebody who is a person was active; counted once a day. */
  active(tenant: number, person: string): void;
  /** Versions that were written, and by how many bytes more is stored now. */
  wrote(tenant: number, versions: number, bytes: number): void;
  /** Bytes stored: as told to the database by all processes, and what this one has not told yet. */
  stored(tenant: number): Promise<number>;
  /** Stores what was counted until now. */
  flush(): Promise<void>;
}

interface Pending {
  /** By `day metric`, the day as a number since 1970. */
  readonly counts: Map<string, number>;
  readonly people: Set<string>;
  bytes: number;
}

const dayLength = 86_400_000;

export function makeMeter(database: Database, log: Log, now: () => number = Date.now): Meter {
  let pending = new Map<number, Pending>();
  /** On its way to the database. */
  let leaving = new Map<number, Pending>();
  const levels = new Map<number, { readonly until: number; readonly bytes: Promise<number> }>();
  const seen = { day: 0, people: new Set<string>() };
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  const of = (tenant: number): Pending => {
    const known = pending.get(tenant);
    if (known !== undefined) return known;
    const made: Pending = { counts: new Map(), people: new Set(), bytes: 0 };
    pending.set(tenant, made);
    timer ??= setTimeout(() => void flush(), flushEvery).unref();
    return made;
  };

  const count: Meter['count'] = (tenant, metric, by = 1) => {
    const key = `${Math.floor(now() / dayLength)} ${metric}`;
    const { counts } = of(tenant);
    counts.set(key, (counts.get(key) ?? 0) + by);
  };

  const send = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    if (pending.size === 0) return;
    leaving = pending;
    pending = new Map();
    try {
      await addUsage(database, [...leaving].map(counted));
      for (const tenant of leaving.keys()) levels.delete(tenant);
    } catch (error) {
      log.warn({ err: error }, 'usage not stored yet');
      for (const [tenant, counts] of leaving) merge(of(tenant), counts);
    }
    leaving = new Map();
  };
  const flush = (): Promise<void> => (flushing = flushing.then(send));

  return {
    count,
    active: (tenant, person) => {
      const day = Math.floor(now() / dayLength);
      if (seen.day !== day) Object.assign(seen, { day, people: new Set<string>() });
      const key = `${tenant} ${person}`;
      if (seen.people.has(key)) return;
      seen.people.add(key);
      of(tenant).people.add(`${day} ${createHash('sha256').update(key).digest('hex').slice(0, 32)}`);
    },
    wrote: (tenant, versions, bytes) => {
      if (versions > 0) count(tenant, 'resources-written', versions);
      of(tenant).bytes += bytes;
    },
    stored: async (tenant) => {
      let level = levels.get(tenant);
      if (level === undefined || level.until < now()) {
        const session = {
          tenant,
          query: <Row>(statement: Parameters<Database['query']>[1]) => database.query<Row>(tenant, statement),
        };
        level = { until: now() + levelLifetime, bytes: readStored(session) };
        levels.set(tenant, level);
        level.bytes.catch(() => levels.delete(tenant));
      }
      return (await level.bytes) + (pending.get(tenant)?.bytes ?? 0) + (leaving.get(tenant)?.bytes ?? 0);
    },
    flush,
  };
}

function merge(into: Pending, { counts, people, bytes }: Pending): void {
  for (const [key, count] of counts) into.counts.set(key, (into.counts.get(key) ?? 0) + count);
  for (const person of people) into.people.add(person);
  into.bytes += bytes;
}

function counted([tenant, { counts, people, bytes }]: [number, Pending]): Counted {
  return {
    tenant,
    counts: [...counts]
      .map(([key, count]) => ({ ...splitKey(key), count }))
      .map(({ day, rest, count }) => ({ day, metric: rest, count })),
    people: [...people].map(splitKey).map(({ day, rest }) => ({ day, person: rest })),
    bytes,
  };
}

function splitKey(key: string): { day: string; rest: string } {
  const at = key.indexOf(' ');
  return { day: new Date(Number(key.slice(0, at)) * dayLength).toISOString().slice(0, 10), rest: key.slice(at + 1) };
}
