/**
 * Connections to PostgreSQL and the tenant they speak for.
 *
 * 1. Every connection works under the role makhbar_app, which row level security binds; only `operator` does not.
 * 2. A connection carries one tenant at a time (setting makhbar.tenant); it is set before the first statement for
 *    another tenant, and a connection on which that failed is thrown away.
 * 3. What failed because of a concurrent transaction (serialisation, deadlock) is run again as a whole.
 * 4. One tenant never holds all connections: its slow statements are not waited for by others (share.ts).
 */
import pg from 'pg';
import { createHash } from 'node:crypto';
import { outcomeError } from '../fhir/outcome.ts';
import { copyOut } from './copy-out.ts';
import type { CopiedBlock } from './copy-rows.ts';
import { LendingSocket } from './lending-socket.ts';
import { isRetried, sqlState, translate, unreachable } from './errors.ts';
import { pipelined } from './pipeline.ts';
import { makeShare } from './share.ts';
import { render, type Sql } from './sql.ts';

/** Runs statements for one tenant, in one transaction or each in its own. */
export interface Session {
  readonly tenant: number;
  query<Row>(statement: Sql | Statement): Promise<Row[]>;
  /** In a transaction (pipeline.ts): sends a statement whose failure is the transaction's, and whose rows nobody waits for. */
  later?(statement: Sql | Statement): void;
}

/**
 * `snapshot` (repeatable read): all statements see the same moment. Not for work that waits for locks on criteria: its
 * moment would be before the lock was got.
 */
export type Isolation = 'read committed' | 'snapshot';

/** A ready text with its values, for hot statements whose text is made once. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface Database {
  /** How it was opened: another thread opens its own. */
  readonly options: PoolOptions;
  /** One statement in its own transaction. */
  query<Row>(tenant: number, statement: Sql | Statement): Promise<Row[]>;
  /**
   * The same for a statement over a few rows that is sent again and again: planned once for each connection. Left to
   * itself PostgreSQL plans it each time, because it counts the rows of the arrays: 0.8 to 3 ms against 0.1 to 0.4.
   */
  hot<Row>(tenant: number, statement: Statement): Promise<Row[]>;
  /** `work` in one transaction; run again from the start on a serialisation failure or deadlock. */
  transaction<T>(tenant: number, work: (session: Session) => Promise<T>, isolation?: Isolation): Promise<T>;
  /** `COPY … TO STDOUT` (copy-out.ts): its rows as they come. The text has no values of a caller in it. */
  copy(tenant: number, text: string): AsyncGenerator<CopiedBlock>;
  /** A statement outside every tenant, under the login role: the list of tenants, the state of the migrations. */
  operator<Row>(statement: Sql): Promise<Row[]>;
  /** Such statements in one transaction, which may go on as that of a tenant. */
  operating<T>(work: (operator: Operator) => Promise<T>): Promise<T>;
  /** Connections in use, idle, and callers waiting for one. */
  load(): { used: number; idle: number; waiting: number };
  close(): Promise<void>;
}

export interface Operator extends Pick<Database, 'operator'> {
  /** From here on the transaction is the application's, for one tenant. */
  become(tenant: number): Promise<Session>;
}

export interface PoolOptions {
  url: string;
  /** Most connections of this process under the application role; a third of them for `hot`. */
  connections: number;
  /** Milliseconds after which PostgreSQL ends a statement. */
  statementTimeout: number;
  /** Much is copied over these connections. */
  copying?: boolean;
}

type Client = pg.PoolClient & { tenant?: number };

const attempts = 8;

/** Opens the pools; connects only when first used. */
export function openDatabase(options: PoolOptions): Database {
  const session = '-c timezone=UTC -c idle_in_transaction_session_timeout=60000 -c lock_timeout=20000';
  const application = `${session} -c role=makhbar_app -c statement_timeout=${options.statementTimeout}`;
  const hotConnections = Math.max(2, Math.floor(options.connections / 3));
  const generalConnections = Math.max(2, options.connections - hotConnections);
  const pool = makePool(options.url, generalConnections, application, options.copying);
  // Of the hot connections a tenant cannot take more than the lanes of its combiners.
  const share = makeShare(Math.ceil((generalConnections * 2) / 3), connectionTimeout, tooBusy);
  const hotPool = makePool(options.url, hotConnections, `${application} -c plan_cache_mode=force_generic_plan`);
  const operatorPool = makePool(options.url, 2, session);

  const transaction: Database['transaction'] = async (tenant, work, isolation = 'read committed') => {
    for (let attempt = 1; ; attempt++) {
      const leave = await share.enter(tenant);
      const client = await borrow(pool, tenant).catch(givingBack(leave));
      let broken = false;
      try {
        return await pipelined(
          client,
          isolation === 'snapshot' ? 'begin isolation level repeatable read' : 'begin',
          (pipeline) =>
            work({
              tenant,
              query: (statement) => pipeline.answered(() => run(client, statement)),
              later: (statement) => pipeline.unanswered(() => run(client, statement)),
            }),
        );
      } catch (error) {
        broken = await client.query('rollback').then(
          () => false,
          () => true,
        );
        if (attempt === attempts || !isRetried(error)) {
          throw translate(error);
        }
      } finally {
        client.release(broken);
        leave();
      }
      await pause(attempt);
    }
  };

  const query: Database['query'] = async (tenant, statement) => {
    const leave = await share.enter(tenant);
    return queryIn<never>(pool, tenant, statement).finally(leave);
  };

  async function* copy(tenant: number, text: string): AsyncGenerator<CopiedBlock> {
    const leave = await share.enter(tenant);
    const client = await borrow(pool, tenant).catch(givingBack(leave));
    let broken = true;
    try {
      yield* copyOut(client, text);
      broken = false;
    } catch (error) {
      throw translate(error);
    } finally {
      client.release(broken);
      leave();
    }
  }

  return {
    options,
    query,
    copy,
    hot: (tenant, statement) => queryIn(hotPool, tenant, statement),
    transaction,
    operator: async <Row>(statement: Sql) => {
      const result = await operatorPool.query(render(statement)).catch((error: unknown) => {
        throw translate(error);
      });
      return result.rows as Row[];
    },
    operating: (work) => operating(operatorPool, work),
    load: () => {
      const pools = [pool, hotPool];
      const sum = (count: (one: pg.Pool) => number): number => pools.reduce((all, one) => all + count(one), 0);
      return {
        used: sum((one) => one.totalCount - one.idleCount),
        idle: sum((one) => one.idleCount),
        waiting: sum((one) => one.waitingCount),
      };
    },
    close: async () => {
      await Promise.all([pool.end(), hotPool.end(), operatorPool.end()]);
    },
  };
}

async function operating<T>(pool: pg.Pool, work: (operator: Operator) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch(unreachable);
  let broken = false;
  try {
    await client.query('begin');
    const query: Session['query'] = (statement) => run(client, statement);
    const done = await work({
      operator: query,
      become: async (tenant) => {
        await client.query('set local role makhbar_app');
        await client.query(`select set_config('makhbar.tenant', $1, true)`, [String(tenant)]);
        return { tenant, query };
      },
    });
    await client.query('commit');
    return done;
  } catch (error) {
    broken = await client.query('rollback').then(
      () => false,
      () => true,
    );
    throw translate(error);
  } finally {
    client.release(broken);
  }
}

/** Milliseconds that a caller waits for a connection. */
const connectionTimeout = 10_000;

function tooBusy(): Error {
  return outcomeError('transient', 'This laboratory has too many requests under way; try again later.', {
    headers: { 'retry-after': '5' },
  });
}

function givingBack(leave: () => void): (error: unknown) => never {
  return (error) => {
    leave();
    throw error;
  };
}

/** A connection that speaks for the tenant. */
async function borrow(pool: pg.Pool, tenant: number): Promise<Client> {
  const client: Client = await pool.connect().catch(unreachable);
  if (client.tenant === tenant) {
    return client;
  }
  try {
    await client.query({
      name: 'tenant',
      text: `select set_config('makhbar.tenant', $1, false)`,
      values: [String(tenant)],
    });
    client.tenant = tenant;
    return client;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

async function queryIn<Row>(pool: pg.Pool, tenant: number, statement: Sql | Statement): Promise<Row[]> {
  for (let attempt = 1; ; attempt++) {
    const client = await borrow(pool, tenant);
    let broken = false;
    try {
      return await run(client, statement);
    } catch (error) {
      broken = sqlState(error) === '';
      if (attempt === attempts || !isRetried(error)) {
        throw translate(error);
      }
    } finally {
      client.release(broken);
    }
    await pause(attempt);
  }
}

function makePool(url: string, max: number, options: string, copying = false): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    options,
    application_name: 'makhbar',
    connectionTimeoutMillis: connectionTimeout,
    idleTimeoutMillis: 300_000,
    keepAlive: true,
    types: { getTypeParser: textParser },
    ...(copying && { stream: () => new LendingSocket() }),
  });
  // An idle connection that breaks is replaced by the pool; the next caller that needs one hears of a real outage.
  pool.on('error', () => undefined);
  // Nor must one that breaks between two statements of a transaction end the process: its next statement fails.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** Times stay PostgreSQL's text (`instantText` reads it): a Date would cut microseconds and costs a parse. */
function textParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  const times: number[] = [pg.types.builtins.TIMESTAMPTZ, pg.types.builtins.DATE, pg.types.builtins.TIMESTAMP];
  const json: number[] = [pg.types.builtins.JSON, pg.types.builtins.JSONB];
  if (times.includes(oid) || json.includes(oid)) {
    return (value) => value;
  }
  return pg.types.getTypeParser(oid, format as 'text');
}

async function run<Row>(client: pg.PoolClient, statement: Sql | Statement): Promise<Row[]> {
  const { text, values } = 'text' in statement ? statement : render(statement);
  const result = await client.query({ name: statementName(text), text, values: values as unknown[] });
  return result.rows as Row[];
}

/**
 * Prepared statements save 0.1 to 0.35 ms of planning each. Past `namedStatements` different texts in a process (a
 * guess; each costs every connection some memory) a text is sent unprepared.
 */
const namedStatements = 1_000;
const names = new Map<string, string>();

function statementName(text: string): string | undefined {
  const known = names.get(text);
  // An explanation is asked for once.
  if (text.startsWith('explain ')) return undefined;
  if (known !== undefined || names.size >= namedStatements) {
    return known;
  }
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 24);
  names.set(text, name);
  return name;
}

function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 5 * 2 ** attempt));
}

/** `2026-01-31 10:20:30.123+00` as PostgreSQL prints it in UTC → FHIR instant `2026-01-31T10:20:30.123Z`. */
export function instantText(stored: string): string {
  const fraction = stored[19] === '.' ? stored.slice(20, stored.endsWith('+00') ? -3 : undefined) : '';
  return `${stored.slice(0, 10)}T${stored.slice(11, 19)}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
}

/** Sends a statement that says nothing: within a transaction nobody waits for it. */
export async function tell(session: Session, statement: Sql | Statement): Promise<void> {
  if (session.later === undefined) await session.query(statement);
  else session.later(statement);
}
