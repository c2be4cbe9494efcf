/**
 * The turn of one line to send an analyzer its work. An analyzer may have several lines to this process and to others: all of
 * them look for the same work, and would send it twice.
 */
import { claimQueue, ensureQueue, releaseQueue, renewQueue } from '../../store/outbox.ts';
import { sessionOf } from '../gateway.ts';
import type { Gateway, ServedAstm } from './gateway.ts';

/** @returns undefined where another line has the turn: nothing was done */
export async function inTurn<Done>(
  { server }: Gateway,
  { tenant, interface: own }: ServedAstm,
  work: () => Promise<Done>,
): Promise<Done | undefined> {
  // A line that the server opens is the only one, and has the lease already (lines.ts).
  if (own.transport.kind !== 'listen') return work();
  const session = sessionOf(server, tenant);
  const { leaseTime } = server.config;
  await ensureQueue(session, own.id);
  const held = await claimQueue(session, own.id, leaseTime / 1_000);
  if (held === undefined) return undefined;
  const renew = (): void => void renewQueue(session, held, leaseTime / 1_000).catch(() => undefined);
  const renewing = setInterval(renew, leaseTime / 4).unref();
  try {
    return await work();
  } finally {
    clearInterval(renewing);
    await releaseQueue(session, held).catch(() => undefined);
  }
}
