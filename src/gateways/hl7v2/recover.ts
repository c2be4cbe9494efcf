/** At the start: what was received and neither applied nor refused when a process died, in the order in which it came. */
import type { Server } from '../../request.ts';
import { unfinishedMessages } from '../../store/messages.ts';
import { sessionOf } from '../gateway.ts';
import type { Interfaces } from './interfaces.ts';
import { replay } from './receive.ts';

/** Messages of one interface that are looked at; a sender that got no acknowledgement sends again anyway. */
const most = 1_000;

export async function recover(server: Server, interfaces: Interfaces): Promise<void> {
  for (const served of interfaces.all()) {
    for (const stored of await unfinishedMessages(sessionOf(server, served.tenant), served.interface.id, most)) {
      await replay(server, served, stored);
    }
  }
}
