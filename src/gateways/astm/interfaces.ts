/** The ASTM interfaces of a laboratory (../interfaces.ts), and their messages applied once more. */
import type { Server } from '../../request.ts';
import type { StoredMessage } from '../../store/messages.ts';
import type { Tenant } from '../../store/tenants.ts';
import { readServed } from '../interfaces.ts';
import { makeTurns } from '../turns.ts';
import { applied } from './applied.ts';
import { loadDrivers } from './drivers.ts';
import type { ServedAstm } from './gateway.ts';
import { readAstmInterface } from './settings.ts';

export function readServedAstm(server: Server, tenant: Tenant): Promise<ServedAstm[]> {
  return readServed(server, tenant, { read: readAstmInterface });
}

/** For who is no gateway. @returns what applies one message: whether it is applied */
export function replayAstm(server: Server): (served: ServedAstm, stored: StoredMessage) => Promise<boolean> {
  const gateway = { server, turns: makeTurns(), drivers: loadDrivers() };
  return (served, stored) => applied(gateway, served, stored);
}
