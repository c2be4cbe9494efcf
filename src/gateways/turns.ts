/**
 * Turns: what one interface sends about the same things happens in the order in which it came, over all its connections and
 * ports. What has nothing in common happens at the same time: nobody could tell its order, and one after another would leave
 * the processor waiting for the disk.
 *
 * 1. Two that name a common part never overlap, and the one that was given first is first.
 * 2. One without parts is alone: it waits for all before it, and all after it wait for it.
 * 3. At most `atOnce` work at a time, so that messages leave connections to the database for others.
 */
const atOnce = 6;

export interface Turns {
  /** Runs `work` after all that was given before it under the same key with a common part. */
  take<T>(key: string, parts: readonly string[] | undefined, work: () => Promise<T>): Promise<T>;
  /** Settles when all that was given until now is done. */
  done(): Promise<unknown>;
}

/** All of a key that has not ended; none of these promises rejects. */
interface Line {
  alone: Promise<unknown>;
  readonly last: Map<string, Promise<unknown>>;
  readonly open: Set<Promise<unknown>>;
}

export function makeTurns(): Turns {
  const lines = new Map<string, Line>();
  const seats = makeSeats();
  return {
    take: async (key, parts, work) => {
      const line = lines.get(key) ?? { alone: Promise.resolve(), last: new Map(), open: new Set() };
      lines.set(key, line);
      const own = Promise.all(before(line, parts)).then(() => seats.sit(work));
      const settled = own.catch(() => undefined);
      enter(line, parts, settled);
      try {
        return await own;
      } finally {
        line.open.delete(settled);
        for (const part of parts ?? []) if (line.last.get(part) === settled) line.last.delete(part);
        if (line.open.size === 0) lines.delete(key);
      }
    },
    done: () => Promise.all([...lines.values()].flatMap(({ open }) => [...open])),
  };
}

function before({ alone, last, open }: Line, parts: readonly string[] | undefined): Promise<unknown>[] {
  return parts === undefined ? [...open] : [alone, ...parts.flatMap((part) => last.get(part) ?? [])];
}

function enter(line: Line, parts: readonly string[] | undefined, settled: Promise<unknown>): void {
  line.open.add(settled);
  if (parts === undefined) line.alone = settled;
  for (const part of parts ?? []) line.last.set(part, settled);
}

/** Who sits waits for nobody who stands: a seat is taken when the turn has come. */
function makeSeats(): { sit<T>(work: () => Promise<T>): Promise<T> } {
  let free = atOnce;
  const waiting: (() => void)[] = [];
  return {
    sit: async (work) => {
      if (free > 0) free--;
      else await new Promise<void>((seated) => waiting.push(seated));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free++;
        else next();
      }
    },
  };
}
