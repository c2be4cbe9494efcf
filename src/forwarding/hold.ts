/** Keeps the lease of a feed for as long as a turn lasts, and says when it may be lost: no two processes send at a time. */
import { renewFeed, type Feed, type Lease } from '../store/audit-feeds.ts';
import type { Session } from '../store/pool.ts';

/** Seconds until another process goes on after this one died. */
export const leaseSeconds = 9;

export interface Hold {
  /** Aborted where another process has the feed, or may soon have it. */
  readonly lost: AbortSignal;
  end(): void;
}

/** A lease that could not be renewed for two thirds of its time counts as lost: the database may be away for this one alone. */
export function holdFeed(session: Session, feed: Feed & Lease): Hold {
  const lost = new AbortController();
  const third = (leaseSeconds * 1_000) / 3;
  let renewed = performance.now();
  const renewing = setInterval(() => {
    const asked = performance.now();
    if (asked - renewed > 2.5 * third) return lost.abort();
    renewFeed(session, feed, leaseSeconds).then(
      (isOurs) => {
        if (isOurs) renewed = asked;
        else lost.abort();
      },
      () => undefined,
    );
  }, third);
  return { lost: lost.signal, end: () => clearInterval(renewing) };
}
