/**
 * Role and database of Makhbar inside the embedded PostgreSQL.
 *
 * Makhbar connects as `makhbar`, which owns its database and may create roles but is no superuser: the same rights as on
 * a managed PostgreSQL, so that one way of working is used and tested everywhere. Repeated at each start when the
 * connection fails, so a first start killed half-way heals.
 */
import { Client, escapeIdentifier, escapeLiteral, type ClientConfig } from 'pg';
import type { Passwords } from './cluster.ts';

const NAME = 'makhbar';
const missing = new Set(['28P01', '28000', '3D000']);

/** Makes role and database where they are missing and gives the URL to connect with. */
export async function ensureDatabase(port: number, passwords: Passwords): Promise<string> {
  const server = { host: '127.0.0.1', port };
  const application = { ...server, user: NAME, password: passwords.makhbar, database: NAME };
  if (!(await connects(application))) {
    await withClient({ ...server, user: 'postgres', password: passwords.superuser, database: 'postgres' }, (client) =>
      createDatabase(client, passwords.makhbar),
    );
  }
  return `postgres://${NAME}:${passwords.makhbar}@127.0.0.1:${port}/${NAME}`;
}

/** Whether the role can connect to its database. */
async function connects(config: ClientConfig): Promise<boolean> {
  try {
    await withClient(config, async () => undefined);
    return true;
  } catch (error) {
    if (missing.has((error as { code?: string }).code ?? '')) return false;
    throw error;
  }
}

async function createDatabase(client: Client, password: string): Promise<void> {
  const name = escapeIdentifier(NAME);
  const attributes = `login createrole nosuperuser nobypassrls password ${escapeLiteral(password)}`;
  const role = await client.query('select 1 from pg_roles where rolname = $1', [NAME]);
  await client.query(`${role.rowCount === 0 ? 'create' : 'alter'} role ${name} ${attributes}`);
  const database = await client.query('select 1 from pg_database where datname = $1', [NAME]);
  if (database.rowCount === 0) await client.query(`create database ${name} owner ${name}`);
  await client.query(`revoke all on database ${name} from public`);
}

async function withClient<T>(config: ClientConfig, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(config);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
