/**
 * Sends the seals of a laboratory to its webhook, one after the other in their order, each at least once: the cursor moves
 * when one was taken, and whoever receives knows one that comes again by its number and hash. What is not taken is tried
 * again, later each time.
 */
import type { BlockList } from 'node:net';
import { sealMessage } from '../audit/published.ts';
import { sealHash } from '../audit/seal.ts';
import { claimSending, nextSeals, noteFailure, noteTaken, releaseSending } from '../store/audit-publications.ts';
import type { Database, Session } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import { keysOf } from './publish-file.ts';
import { NotPublic } from './allowed-address.ts';
import { longestAttempt, NotTaken, post } from './webhook.ts';

export interface WebhookPublishing {
  readonly database: Database;
  /** Networks that the operator allows besides public addresses. */
  readonly allowed: BlockList;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** Seconds for which a process keeps the others away; longer than an attempt. */
const held = (longestAttempt / 1_000) * 3;
/** Milliseconds, after which other laboratories have their turn. */
const turn = 20_000;
const page = 50;

/** Sends what waits, for a turn; gives what was wrong, if anything was. */
export async function publishToWebhook(
  publishing: WebhookPublishing,
  tenant: Tenant,
  address: string,
): Promise<string | undefined> {
  const { database, signal, now } = publishing;
  const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
  const sending = await claimSending(session, address, held);
  if (sending === undefined) return undefined;
  const until = now() + turn;
  let { number } = sending;
  try {
    for (let waiting = await nextSeals(session, number, page); waiting.length > 0;) {
      for (const seal of waiting) {
        if (signal.aborted || now() > until) return undefined;
        const [key] = await keysOf(session, [seal]);
        const jwk = key && (JSON.parse(key.jwk) as object);
        await post(address, JSON.stringify({ ...sealMessage(tenant.name, seal), jwk }), publishing.allowed);
        ({ number } = seal);
        if (!(await noteTaken(session, address, { number, hash: sealHash(seal.content), seconds: held })))
          return undefined;
      }
      waiting = await nextSeals(session, number, page);
    }
    return undefined;
  } catch (error) {
    const problem = problemOf(error);
    await noteFailure(session, address, { problem, seconds: delayAfter(sending.failures) });
    return problem;
  } finally {
    await releaseSending(session, address);
  }
}

/** 5 seconds, then twice as many each time, an hour at most. */
export function delayAfter(failures: number): number {
  return Math.min(3_600, 5 * 2 ** Math.min(failures, 20));
}

/** Nothing of the address or of what was answered. */
function problemOf(error: unknown): string {
  if (error instanceof NotTaken || error instanceof NotPublic) return error.message;
  const { code, name } = error as { code?: string; name?: string };
  return name === 'TimeoutError' || name === 'AbortError' ? 'The receiver did not answer in time.' : (code ?? 'failed');
}
