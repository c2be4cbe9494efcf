/**
 * The changes that an interface may have to be told of → messages in its queue, in the order of the changes.
 *
 * 1. A change goes in the transaction that puts its messages into the queue: there are never two of one, nor none.
 * 2. A change that no rule is for becomes nothing. One that cannot be made a message is told by an event and a Task, and
 *    holds up nothing.
 */
import { announceWithin } from '../../interactions/announce.ts';
import { newId } from '../../interactions/new-id.ts';
import type { Context, Server } from '../../request.ts';
import { readVersions } from '../../store/history.ts';
import { dropChange, lockQueue, nextChanges, type Change, type Held } from '../../store/outbox.ts';
import type { Session } from '../../store/pool.ts';
import { enqueue } from '../enqueue.ts';
import { contextOf, interfaceCaller } from '../gateway.ts';
import { tellWork } from './law/tell.ts';
import { waitToBeSent } from './task.ts';
import { messagesOf, nameOf, type ServedOut } from './told.ts';

/** Changes between two messages: what is made already goes out between them. */
const most = 50;

/** @returns false where another process has the queue by now */
export async function makeMessages(server: Server, served: ServedOut, session: Session, held: Held): Promise<boolean> {
  const changes = await nextChanges(session, held.interface, most);
  if (changes.length === 0) return true;
  const context = await contextFor(server, served);
  const tells = served.interface.law === undefined ? tell : tellWork;
  for (const change of changes) {
    if (!(await tells(context, served, { change, held }))) return false;
  }
  return true;
}

async function contextFor(server: Server, { tenant, interface: { id } }: ServedOut): Promise<Context> {
  const caller = await interfaceCaller(server, tenant, id);
  return contextOf(server, { tenant, caller, requestId: newId(), address: '' });
}

interface Task {
  readonly change: Change;
  readonly held: Held;
}

async function tell(context: Context, served: ServedOut, { change, held }: Task): Promise<boolean> {
  const { server, tenant } = context;
  const [stored] = await readVersions(context.session, [{ rid: change.rid, version: change.version }]);
  const made = stored === undefined ? { messages: [], problems: [] } : await messagesOf(context, served, stored);
  const kept = await server.database.transaction(tenant.id, async (session) => {
    if ((await lockQueue(session, held)) === undefined) return false;
    await dropChange(session, held.interface, change.sequence);
    for (const message of made.messages) await enqueue(session, held.interface, message);
    for (const sentence of made.problems) {
      const name = `Endpoint/${held.interface}`;
      await announceWithin(session, {
        ...{ kind: 'message-not-sent', outcome: 4, reason: sentence },
        agent: { subject: name, client: name, roles: ['interface'] },
      });
    }
    return true;
  });
  if (!kept) return false;
  for (const sentence of made.problems) {
    const { id, name } = served.interface;
    await waitToBeSent(
      server,
      { tenant, interface: { id, name } },
      { id: newId(), sentence, source: nameOf(stored) },
    ).catch((error: unknown) =>
      server.log.error({ err: error, interface: id }, 'no Task for a change that is not told'),
    );
  }
  return true;
}
