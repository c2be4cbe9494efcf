/** A laboratory that is not in the list of the server: its events are sealed when the test says so. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { rowOf } from '../../src/audit/row.ts';
import { readConfig } from '../../src/config.ts';
import { signingKeyOf } from '../../src/identity/token.ts';
import { newId } from '../../src/interactions/new-id.ts';
import { sealNext, type Sealing } from '../../src/sealing/sealer.ts';
import { addEvents } from '../../src/store/audit.ts';
import { agentNumbers } from '../../src/store/audit-agents.ts';
import { hasOpenEvents } from '../../src/store/audit-seals.ts';
import type { Session } from '../../src/store/pool.ts';
import type { Tenant, TenantSettings } from '../../src/store/tenants.ts';
import { testDatabase, testServer } from '../server.ts';

export interface Sealed {
  readonly tenant: Tenant;
  readonly session: Session;
  /** Adds so many seals, of an event each. */
  seals(count: number): Promise<void>;
  /** An event at a time; milliseconds since 1970. */
  add(time?: number): Promise<void>;
  /** Until no event is open, by a clock. */
  seal(now?: () => number): Promise<void>;
}

export function sealedLaboratory(settings: TenantSettings = {}): Sealed {
  const database = testDatabase();
  const id = 1_000_000_000 + randomInt(1_000_000_000);
  const tenant: Tenant = { id, name: `t-${id}`, title: '', status: 'active', settings, created: '' };
  const keyEncryptionKey = readConfig({ DATA_DIR: testServer().dataDir }).keyEncryptionKey();
  const sealing: Sealing = {
    database,
    signingKey: (of) => signingKeyOf({ database, keyEncryptionKey }, of),
    now: Date.now,
  };
  const agent = agentNumbers(database);
  const add = async (time = Date.now()): Promise<void> => {
    const event = { kind: 'read' as const, outcome: 0 as const, address: '', purposes: [], requestId: 'r' };
    const row = rowOf({ ...event, id: newId(time), time, touched: [], patients: [] });
    const number = await agent(id, '{"subject":"u","client":"app","roles":[]}');
    await database.query(id, addEvents(id, [{ row, agent: number, patients: [] }]));
  };
  const seal = async (now = Date.now): Promise<void> => {
    while (await hasOpenEvents(database, id)) {
      if ((await sealNext({ ...sealing, now }, tenant)) === undefined) await pause(5);
    }
  };
  return {
    add,
    seal,
    tenant,
    session: { tenant: id, query: (statement) => database.query(id, statement) },
    seals: async (count) => {
      for (let i = 0; i < count; i++) {
        await add();
        await seal();
      }
    },
  };
}
