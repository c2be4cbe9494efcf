/**
 * What was received and neither applied nor refused, in the order in which it came: at the start, because a process died
 * at it, and now and then, because the database was away. Each in the turn of its interface, so that none overtakes.
 */
import type { Server } from '../request.ts';
import { readMessage, unfinishedMessages, type StoredMessage } from '../store/messages.ts';
import { sessionOf } from './gateway.ts';
import { turnOf, type Interfaces, type Registered, type Served } from './interfaces.ts';
import type { Turns } from './turns.ts';

/** Messages of one interface that are looked at; the next time the others. */
const most = 1_000;

export interface Recovering<Own extends Registered> {
  readonly interfaces: Interfaces<Own>;
  readonly turns: Turns;
  /** Applies one as when it came. */
  readonly replay: (server: Server, served: Served<Own>, stored: StoredMessage) => Promise<unknown>;
}

export async function recover<Own extends Registered>(server: Server, recovering: Recovering<Own>): Promise<void> {
  const { interfaces, turns } = recovering;
  await Promise.all(
    interfaces
      .all()
      .map((served) => turns.take(turnOf(served), undefined, () => finish(server, served, recovering.replay))),
  );
}

/** One that fails as the database does ends it: what came later must not come before it. */
async function finish<Own extends Registered>(
  server: Server,
  served: Served<Own>,
  replay: Recovering<Own>['replay'],
): Promise<void> {
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
