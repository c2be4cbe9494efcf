/** The event of a command: who runs the machine leaves traces in the laboratory's log like everybody else. */
import { userInfo } from 'node:os';
import type { SecurityEvent } from '../audit/security.ts';
import { announce } from '../interactions/announce.ts';
import { agentNumbers, combinedEvents } from '../store/audit.ts';
import { makeCombiner } from '../store/combine.ts';
import type { Database } from '../store/pool.ts';

/** `deed` is the command as it is written: `makhbar user add`. */
export async function noteCommand(
  database: Database,
  tenant: { readonly id: number },
  event: Pick<SecurityEvent, 'kind' | 'further'> & { readonly deed: `makhbar ${string}` },
): Promise<void> {
  const announcing = { events: makeCombiner(database, combinedEvents), agentNumber: agentNumbers(database) };
  await announce(announcing, tenant, {
    ...event,
    agent: { subject: 'operator', client: 'makhbar', name: userInfo().username },
  });
}
