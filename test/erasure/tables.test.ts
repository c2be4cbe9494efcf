/** Every table of laboratories has a fate in an erasure: a migration that adds one must say what becomes of it. */
import { expect, test } from '@jest/globals';
import { resourceTypes, typeNumber } from '../../src/fhir/resource-types.ts';
import { fates } from '../../src/store/erasure-tables.ts';
import { database, tenantTables } from './laboratory.ts';

test('each table with a tenant is named, and no other', async () => {
  const tables = await tenantTables();
  expect(tables.length).toBeGreaterThan(30);
  expect(Object.keys(fates).sort()).toEqual(tables);
});

test('what stays and what has a statement of its own says so; the others name columns that there are', async () => {
  const client = await database();
  const { rows } = await client.query<{ place: string }>(
    `select table_name || '.' || column_name as place from information_schema.columns where table_schema = 'public'`,
  );
  const places = new Set(rows.map(({ place }) => place));
  for (const [table, fate] of Object.entries(fates)) {
    if ('stays' in fate || 'deed' in fate) {
      expect([table, Object.values(fate).join('').length > 4]).toEqual([table, true]);
      continue;
    }
    const columns = [fate.rid, fate.account, ...(fate.text ?? [])].filter((one) => one !== undefined);
    expect([table, columns.length > 0, columns.filter((one) => !places.has(`${table}.${one}`))]).toEqual([
      table,
      true,
      [],
    ]);
  }
});

test('the application may delete what goes with it, and not the resources themselves', async () => {
  const client = await database();
  const may = async (table: string): Promise<boolean> =>
    (await client.query<{ may: boolean }>(`select has_table_privilege('makhbar_app', $1, 'delete') as may`, [table]))
      .rows[0]?.may === true;
  for (const [table, fate] of Object.entries(fates)) {
    if (!('stays' in fate) && !('deed' in fate)) expect([table, await may(table)]).toEqual([table, true]);
  }
  for (const table of [
    'resource',
    'resource_version',
    'account',
    'break_glass',
    'erasure',
    'erased',
    'erased_version',
    'audit_event',
  ]) {
    expect([table, await may(table)]).toEqual([table, false]);
  }
});

test('the database knows the number of Patient', () => {
  expect([typeNumber('Patient'), resourceTypes.includes('Patient')]).toEqual([102, true]);
});
