/**
 * The dictionary of agents (table audit_agent): an event names who did it by a number.
 *
 * 1. A number that somebody may still use is not taken away. One that no event has is marked (`unused`); whoever looks it
 *    up afterwards takes the mark off; with a mark of two days, and still no event, it goes. A process remembers numbers for
 *    an hour at most, so that whoever looked it up before it was marked has stored his event by then.
 */
import { createHash } from 'node:crypto';
import type { Database, Session } from './pool.ts';
import { sql, type Sql } from './sql.ts';

/** The number of an agent in a laboratory; remembered, as there are few of them. */
export type AgentNumber = (tenant: number, content: string) => Promise<number>;

/** A guess: some 300 bytes each. */
const mostAgents = 20_000;

/** Milliseconds. */
const remembered = 3_600_000;

interface Known {
  readonly number: Promise<number>;
  readonly until: number;
}

export function agentNumbers(database: Database): AgentNumber {
  const known = new Map<string, Known>();
  return (tenant, content) => {
    const key = `${tenant} ${content}`;
    const before = known.get(key);
    if (before !== undefined && before.until > Date.now()) return before.number;
    if (known.size >= mostAgents) known.clear();
    const number = agentWithin({ tenant, query: (statement) => database.query(tenant, statement) }, content);
    known.set(key, { number, until: Date.now() + remembered });
    number.catch(() => known.delete(key));
    return number;
  };
}

/** The same within a transaction, which alone may name a new one until it has committed. */
export async function agentWithin(session: Session, content: string): Promise<number> {
  const { tenant } = session;
  const hash = createHash('sha256').update(content).digest();
  const [found] = await session.query<{ agent: number; unused: string | null }>(
    sql`select agent, unused from audit_agent where tenant_id = ${tenant} and hash = ${hash}`,
  );
  if (found?.unused === null) return found.agent;
  if (found !== undefined) {
    const used = await session.query(sql`update audit_agent set unused = null
      where tenant_id = ${tenant} and agent = ${found.agent} returning agent`);
    if (used.length > 0) return found.agent;
  }
  await session.query(
    sql`insert into audit_agent (tenant_id, hash, content) values (${tenant}, ${hash}, ${content}::jsonb) on conflict do nothing`,
  );
  return agentWithin(session, content);
}

const noEvent: Sql = sql`not exists (select from audit_event e where e.tenant_id = a.tenant_id and e.agent = a.agent)`;

/** Removes those that have been without an event for two days, and marks others; how many went. */
export async function pruneAgents(database: Database, tenant: number): Promise<number> {
  return database.operating(async ({ operator }) => {
    await operator(sql`select set_config('makhbar.tenant', ${String(tenant)}, true)`);
    const gone = await operator(sql`delete from audit_agent a where a.tenant_id = ${tenant}
      and a.unused < clock_timestamp() - interval '2 days' and ${noEvent} returning agent`);
    await operator(sql`update audit_agent a set unused = clock_timestamp()
      where a.tenant_id = ${tenant} and a.unused is null and ${noEvent}`);
    return gone.length;
  });
}
