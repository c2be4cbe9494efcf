/**
 * What only the owner of the database can do: change the audit log by hand, past grants and row level security.
 *
 * Each table is opened and closed by a statement of its own, so that no two locks are held at once while the server works
 * on the same tables; an advisory lock lets one test file do it at a time.
 */
import { afterAll, expect } from '@jest/globals';
import pg from 'pg';
import { testServer } from '../server.ts';

const tables = ['audit_event', 'audit_agent', 'audit_seal', 'audit_removal', 'signing_key'];
/** Any number, but the same in all test files. */
const lock = 5_120_512;

let owner: pg.Client | undefined;
afterAll(() => owner?.end());

async function connected(): Promise<pg.Client> {
  if (owner === undefined) {
    owner = new pg.Client(testServer().databaseUrl);
    await owner.connect();
  }
  return owner;
}

/** Runs a statement that must change something. */
export async function tamper(text: string, ...values: unknown[]): Promise<void> {
  const client = await connected();
  await client.query('select pg_advisory_lock($1)', [lock]);
  try {
    for (const table of tables) await client.query(`alter table ${table} no force row level security`);
    const { rowCount } = await client.query(text, values);
    expect(rowCount).toBeGreaterThan(0);
  } finally {
    for (const table of tables) await client.query(`alter table ${table} force row level security`);
    await client.query('select pg_advisory_unlock($1)', [lock]);
  }
}

/** Runs statements of the owner while nobody tampers. */
export async function undisturbed<T>(work: (owner: pg.Client) => Promise<T>): Promise<T> {
  const client = await connected();
  await client.query('select pg_advisory_lock($1)', [lock]);
  try {
    return await work(client);
  } finally {
    await client.query('select pg_advisory_unlock($1)', [lock]);
  }
}
