/** The connection that migrates: what can be wrong with DATABASE_URL or the server behind it, each in one sentence. */
import { Client } from 'pg';
import { outcomeError } from '../../fhir/outcome.ts';

const CONNECT_WITHIN_MS = 10_000;
const OLDEST = 15;

/** Connects and checks that the server is one we work on. */
export async function connectForMigration(url: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    application_name: 'makhbar migration',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    throw outcomeError('transient', connectionSentence(client, error as Error & { code?: string }));
  }
  try {
    await checkServer(client);
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}

function connectionSentence(client: Client, error: Error & { code?: string }): string {
  const place = `${client.host}:${client.port}`;
  switch (error.code) {
    case '28P01':
    case '28000':
      return `PostgreSQL at ${place} refuses the login of user ${client.user}: check user and password in DATABASE_URL.`;
    case '3D000':
      return `PostgreSQL at ${place} has no database ${client.database}: create it or correct DATABASE_URL.`;
    default:
      return `PostgreSQL at ${place} cannot be reached (${error.code ?? error.message}): check DATABASE_URL and that the server runs.`;
  }
}

async function checkServer(client: Client): Promise<void> {
  const { rows } = await client.query<{ version: string; encoding: string }>(
    `select current_setting('server_version') as version, getdatabaseencoding() as encoding`,
  );
  const { version = '', encoding = '' } = rows[0] ?? {};
  if (Number.parseInt(version, 10) < OLDEST) {
    throw outcomeError('not-supported', `PostgreSQL ${version} is too old: Makhbar needs ${OLDEST} or newer.`);
  }
  if (encoding !== 'UTF8') {
    throw outcomeError(
      'not-supported',
      `The database ${client.database} has the encoding ${encoding}: Makhbar needs one created with encoding UTF8.`,
    );
  }
}
