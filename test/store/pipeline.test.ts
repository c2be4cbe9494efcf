/** What a transaction sends without waiting is done with it or not at all, and leaves the connection as it was. */
import { beforeAll, expect, test } from '@jest/globals';
import { tell, type Session } from '../../src/store/pool.ts';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
});

const word = (
  text: string,
) => sql`insert into search_state (tenant_id, revision) values (${lab.tenant.id}, ${Number(text)})
  on conflict (tenant_id) do update set revision = excluded.revision`;
const kept = async (): Promise<unknown> =>
  (
    await testDatabase().query(lab.tenant.id, sql`select revision from search_state where tenant_id = ${lab.tenant.id}`)
  )[0];

const broken = (session: Session) => tell(session, sql`select 1 / ${0}::int4 as "never asked before"`);

test('statements are answered in their order, those that nobody waits for among them', async () => {
  const seen = await testDatabase().transaction(lab.tenant.id, async (session) => {
    await tell(session, word('11'));
    const both = await Promise.all([
      session.query(sql`select revision from search_state where tenant_id = ${lab.tenant.id}`),
      session.query(sql`select 2 as two`),
    ]);
    await tell(session, word('12'));
    return both;
  });
  expect(seen).toEqual([[{ revision: 11 }], [{ two: 2 }]]);
  expect(await kept()).toEqual({ revision: 12 });
});

const failures: [string, (session: Session) => Promise<unknown>][] = [
  ['the last of them', async (session) => (await tell(session, word('21')), broken(session))],
  ['one before another', async (session) => (await broken(session), tell(session, word('22')))],
  ['one before another that is waited for', async (session) => (await broken(session), session.query(word('23')))],
  [
    'one beside others',
    (session) => Promise.all([session.query(word('24')), broken(session), session.query(word('25'))]),
  ],
];

test.each(failures)('where %s fails, all of it has not happened', async (_, work) => {
  const before = await kept();
  const database = testDatabase();
  await expect(database.transaction(lab.tenant.id, work)).rejects.toThrow();
  expect(await kept()).toEqual(before);
  // As many times as there may be connections: each is as good as before.
  const again = Array.from({ length: 20 }, () =>
    database.transaction(lab.tenant.id, async (session) => {
      await tell(session, sql`select 1 / ${1}::int4 as "never asked before"`);
      return session.query(sql`select ${1}::int4 as one`);
    }),
  );
  expect(await Promise.all(again)).toEqual(again.map(() => [{ one: 1 }]));
});

test('what is refused for a racing transaction runs again from its start', async () => {
  let runs = 0;
  await testDatabase().transaction(lab.tenant.id, async (session) => {
    runs++;
    await tell(session, word(String(30 + runs)));
    if (runs < 3) await tell(session, sql`do $$ begin raise exception using errcode = '40001'; end $$`);
  });
  expect([runs, await kept()]).toEqual([3, { revision: 33 }]);
});
