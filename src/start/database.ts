/** The database of this process: the one of DATABASE_URL, or the embedded one; migrated, with a laboratory in it. */
import { ticketLink } from '../accounts/link.ts';
import type { Administration } from '../accounts/administration.ts';
import { addUser } from '../accounts/users.ts';
import { thing, type SecurityEvent } from '../audit/security.ts';
import type { Config } from '../config.ts';
import type { JsonObject } from '../fhir/json.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { announceWithin } from '../interactions/announce.ts';
import type { Log } from '../log.ts';
import { startEmbedded, type Embedded } from '../store/embedded.ts';
import { makeAuditMonths } from '../store/audit.ts';
import { continueInCluster } from '../store/audit-segments.ts';
import { migrate } from '../store/migrate.ts';
import { openDatabase, type Database } from '../store/pool.ts';
import { createTenant, listTenants, type Tenant } from '../store/tenants.ts';

const EXAMPLE = 'demo';

/** PostgreSQL as this process sees it; `ended` settles when an embedded one ends, whoever ended it. */
export type Postgres = Embedded;

export async function startPostgres(config: Config, log: Log): Promise<Postgres> {
  if (config.databaseUrl === undefined) return await startEmbedded({ dataDir: config.dataDir, log });
  return { url: config.databaseUrl, ended: new Promise(() => undefined), stop: async () => undefined };
}

/** A pool, and where its connections lead. */
export interface Opened {
  readonly database: Database;
  readonly url: string;
}

/** Migrates and opens the pool. */
export async function openMigrated(config: Config, url: string, log: Log): Promise<Database> {
  await migrate(url, log);
  const database = openPool(config, url);
  try {
    await makeAuditMonths(database, Date.now());
    const reason = await continueInCluster(database);
    if (reason !== undefined) log.warn({ reason }, 'the audit log begins a new segment');
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

export function openPool(config: Config, url: string): Database {
  return openDatabase({ url, connections: config.databaseConnections, statementTimeout: config.statementTimeout });
}

/** A laboratory to show as an example, and how its first administrator gets in. */
export interface Example {
  readonly name: string;
  /** The path below its root of a page on which the administrator chooses a password; on the first start only. */
  readonly invitation?: string;
}

/** The first start makes the laboratory `demo` with an administrator, so that there is something to look at. */
export async function ensureLaboratory(database: Database, log: Log): Promise<Example> {
  const names = (await listTenants(database)).map(({ name }) => name);
  const [first] = names;
  if (names.includes(EXAMPLE)) return { name: EXAMPLE };
  return first === undefined ? await createExample(database, log) : { name: first };
}

async function createExample(database: Database, log: Log): Promise<Example> {
  try {
    const tenant = await database.operating(async (operator) => {
      const made = await createTenant(operator, EXAMPLE, { title: 'Demonstration laboratory' });
      await announceWithin(await operator.become(made.id), atStart('settings-changed', thing('laboratory', made.name)));
      return made;
    });
    log.info({ tenant: EXAMPLE }, 'laboratory created');
    const user = { username: 'admin', display: 'Administrator', roles: ['administrator'] };
    return { name: EXAMPLE, invitation: ticketLink('', await addUser(administrationAtStart(database, tenant), user)) };
  } catch (error) {
    // Another process that started at the same time was faster.
    if (!(error instanceof OutcomeError && error.issues[0]?.code === 'duplicate')) throw error;
    return { name: EXAMPLE };
  }
}

function atStart(kind: SecurityEvent['kind'], entity: JsonObject): SecurityEvent {
  return { kind, deed: 'makhbar start', agent: { subject: 'makhbar', client: 'makhbar' }, further: [entity] };
}

function administrationAtStart(database: Database, { id: tenant }: Tenant): Administration {
  return {
    transaction: (work, changed) =>
      database.transaction(tenant, async (session) => {
        const done = await work(session);
        const { kind, id } = changed(done);
        await announceWithin(session, atStart('user-changed', thing(kind, id)));
        return done;
      }),
    tenant,
    by: 'operator',
    now: Date.now(),
  };
}
