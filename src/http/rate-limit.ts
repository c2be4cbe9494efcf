/**
 * Requests a minute, of a caller and of a whole laboratory, counted in this process in fixed windows.
 *
 * 1. What a caller's own limit refuses does not count for the laboratory: one caller cannot use up everybody's.
 * 2. Callers who are not signed in count by their address and never for the laboratory: nobody outside can close it.
 *
 * Decision: no shared counter, which would cost each request a write; with N processes a caller gets at most N times
 * the limit.
 */
import { outcomeError } from '../fhir/outcome.ts';

const window = 60_000;

export interface RateLimiter {
  /** Counts a request. @throws OutcomeError `throttled` (429) with Retry-After past the limit; 0 = no limit. */
  count(key: string, limit: number, whose?: string): void;
}

export function makeRateLimiter(now: () => number = Date.now): RateLimiter {
  let counts = new Map<string, number>();
  let started = now();
  return {
    count: (key, limit, whose = '') => {
      const time = now();
      if (time - started >= window) {
        counts = new Map();
        started = time - ((time - started) % window);
      }
      const used = (counts.get(key) ?? 0) + 1;
      counts.set(key, used);
      if (limit > 0 && used > limit) {
        const seconds = Math.max(1, Math.ceil((started + window - time) / 1000));
        throw outcomeError('throttled', `More than ${limit} requests in a minute${whose}; wait ${seconds} seconds.`, {
          headers: { 'retry-after': String(seconds) },
        });
      }
    },
  };
}
