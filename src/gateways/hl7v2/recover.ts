/**
 * What was received and neither applied nor refused, in the order in which it came: at the start, because a process died
 * at it, and now and then, because the database was away. Each in the turn of its interface, so that none overtakes.
 */
import type { Server } from '../../request.ts';
import { readMessage, unfinishedMessages } from '../../store/messages.ts';
import { sessionOf } from '../gateway.ts';
import type { Interfaces, Served } from './interfaces.ts';
import { replay } from './applied.ts';
import { turnOf } from './receive.ts';
import type { Turns } from './turns.ts';

/** Messages of one interface that are looked at; the next time the others. */
const most = 1_000;

export async function recover(server: Server, interfaces: Interfaces, turns: Turns): Promise<void> {
  await Promise.all(
    interfaces.all().map((served) => turns.take(turnOf(served), undefined, () => finish(server, served))),
  );
}

/** One that fails as the database does ends it: what came later must not come before it. */
async function finish(server: Server, served: Served): Promise<void> {
  const session = sessionOf(server, served.tenant);
  try {
    for (const id of await unfinishedMessages(session, served.interface.id, most)) {
      const stored = await readMessage(session, id);
      if (stored?.status === 'received') await replay(server, served, stored);
    }
  } catch (error) {
    server.log.warn({ err: error, interface: served.interface.id }, 'messages still to be applied');
  }
}
