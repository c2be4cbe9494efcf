/** Events for tests of reading: put into the log as the server does, at times long ago, apart from those of the test. */
import type { Agent, AuditRecord } from '../../src/audit/record.ts';
import { rowOf } from '../../src/audit/row.ts';
import { newId } from '../../src/interactions/new-id.ts';
import { addEvents, agentNumbers } from '../../src/store/audit.ts';
import { testDatabase } from '../server.ts';

export type Given = Partial<Omit<AuditRecord, 'id' | 'time'>> & { readonly at: string };

const nobody: Agent = { subject: '', client: '', roles: [] };

/** Puts events into the log of a laboratory; their ids in the same order. */
export async function putEvents(tenant: number, given: readonly Given[]): Promise<string[]> {
  const database = testDatabase();
  const number = agentNumbers(database);
  const entries = await Promise.all(
    given.map(async ({ at, agent = nobody, ...rest }) => {
      const time = Date.parse(at);
      const record = {
        id: newId(time),
        time,
        kind: 'read' as const,
        outcome: 0 as const,
        address: '',
        purposes: [],
        requestId: 'r',
        touched: [],
        patients: [],
        ...rest,
      };
      const patients = record.patients.length > 1 ? record.patients : [];
      return { row: rowOf(record), agent: await number(tenant, JSON.stringify(agent)), patients };
    }),
  );
  await database.query(tenant, addEvents(tenant, entries));
  return entries.map(({ row }) => row.id);
}
