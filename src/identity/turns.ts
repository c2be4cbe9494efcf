/**
 * Taking turns at work that costs much memory or processor time, such as hashing a password.
 *
 * 1. At most `atOnce` are at work; who waits is served tenant by tenant, so that one laboratory's flood of sign-ins does
 *    not stand before another's first.
 * 2. Past `mostWaiting` of a tenant the next is refused at once (429): a queue without end would only end later.
 */
import { outcomeError } from '../fhir/outcome.ts';

export interface Turns {
  /** Does the work when its turn comes. @throws OutcomeError `throttled` (429) when too many wait. */
  take<T>(tenant: number, work: () => Promise<T>): Promise<T>;
}

export interface TurnOptions {
  atOnce: number;
  /** Of one tenant. */
  mostWaiting: number;
}

export function makeTurns({ atOnce, mostWaiting }: TurnOptions): Turns {
  const waiting = new Map<number, (() => void)[]>();
  let working = 0;
  const next = (): void => {
    working -= 1;
    const [first] = waiting;
    if (first === undefined) return;
    const [tenant, queue] = first;
    // To the end of the line: the next turn is another tenant's.
    waiting.delete(tenant);
    const begin = queue.shift();
    if (queue.length > 0) waiting.set(tenant, queue);
    working += 1;
    begin?.();
  };
  const wait = (tenant: number): Promise<void> => {
    const queue = waiting.get(tenant) ?? [];
    if (queue.length >= mostWaiting) {
      throw outcomeError('throttled', 'Too many people sign in at this moment; try again in a few seconds.', {
        headers: { 'retry-after': '5' },
      });
    }
    return new Promise((begin) => waiting.set(tenant, [...queue, begin]));
  };
  return {
    take: async (tenant, work) => {
      if (working < atOnce) working += 1;
      else await wait(tenant);
      return work().finally(next);
    },
  };
}
