/** The tables of accounts under row level security: another laboratory's connection sees and changes nothing. */
import { expect, test } from '@jest/globals';
import { insertTotp } from '../../src/store/factors.ts';
import { keepChallenge } from '../../src/store/challenges.ts';
import { replaceRecoveryCodes } from '../../src/store/recovery.ts';
import { writeRole } from '../../src/store/roles.ts';
import { grantRole, sessionOf } from '../../src/store/accounts.ts';
import { attemptKey, beginAttempt } from '../../src/store/attempts.ts';
import { raw, sql } from '../../src/store/sql.ts';
import { makeTicket } from '../../src/store/tickets.ts';
import { makeLaboratory, testDatabase } from '../server.ts';
import { makeUser, noon } from './laboratory.ts';

const tables = [
  'account',
  'account_role',
  'role',
  'account_factor',
  'account_recovery',
  'account_ticket',
  'account_challenge',
  'sign_in_attempt',
];

test('of every table', async () => {
  const [own, other] = [(await makeLaboratory()).tenant, (await makeLaboratory()).tenant];
  const { id } = await makeUser(own, { username: 'amal' });
  const session = sessionOf(testDatabase(), own.id);
  await grantRole(session, id, { role: 'reception', by: 'x', now: noon });
  await writeRole(session, { name: 'own', definition: '{}' }, { by: 'x', now: noon });
  await insertTotp(session, { id, account: id, label: 'x', secret: Buffer.alloc(8), keyId: id }, noon);
  await replaceRecoveryCodes(session, id, ['x'], noon);
  await makeTicket(session, { account: id, kind: 'reset', by: 'x', now: noon, lifetime: 1_000 });
  await keepChallenge(session, { account: id, purpose: 'verify', value: 'x' }, noon, noon + 1_000);
  await beginAttempt(
    testDatabase(),
    own.id,
    [{ key: attemptKey('account', 'amal'), free: 5, wait: 1, longest: 1 }],
    noon,
  );
  for (const table of tables) {
    const read = sql`select tenant_id from ${raw(table)}`;
    expect([table, await testDatabase().query(own.id, read)]).toEqual([table, [{ tenant_id: own.id }]]);
    expect([table, await testDatabase().query(other.id, read)]).toEqual([table, []]);
    // No statement of the store deletes an account; the right to is not there.
    const remove = testDatabase().query(
      other.id,
      sql`delete from ${raw(table)} where tenant_id = ${own.id} returning tenant_id`,
    );
    if (table === 'account') await expect(remove).rejects.toMatchObject({ code: '42501' });
    else expect([table, await remove]).toEqual([table, []]);
  }
  const plant = testDatabase().query(
    other.id,
    sql`insert into account_role (tenant_id, account_id, role, since, granted_by) values (${own.id}, ${id}, 'administrator', now(), 'x')`,
  );
  await expect(plant).rejects.toMatchObject({ code: '42501' });
});
