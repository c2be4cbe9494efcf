/** Turns: what belongs to one interface happens in the order in which it came, over all its connections and ports. */
export interface Turns {
  /** Runs `work` after all that was given before it under the same key. */
  take<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Settles when all that was given until now is done. */
  done(): Promise<unknown>;
}

export function makeTurns(): Turns {
  /** By key: the end of the last one. */
  const last = new Map<string, Promise<unknown>>();
  return {
    take: async (key, work) => {
      const own = (last.get(key) ?? Promise.resolve()).then(work);
      const settled = own.catch(() => undefined);
      last.set(key, settled);
      try {
        return await own;
      } finally {
        if (last.get(key) === settled) last.delete(key);
      }
    },
    done: () => Promise.all(last.values()),
  };
}
