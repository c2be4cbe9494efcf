/** Retention of the audit log: what is old enough goes, the rest is proven as before, and what goes otherwise is found. */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Agent } from '../../src/audit/record.ts';
import { sql } from '../../src/store/sql.ts';
import { eventsOf } from '../audit/log.ts';
import { tamper } from '../audit/owner.ts';
import { parameters, send } from '../erasure/laboratory.ts';
import { testDatabase } from '../server.ts';
import {
  ago,
  announced,
  applied,
  laboratory,
  partsOf,
  read,
  runOf,
  sealed,
  signedIn,
  verified,
  type Kept,
} from './laboratory.ts';

async function ids(lab: Kept): Promise<string[]> {
  return (await eventsOf(lab)).map(({ id }) => id);
}

test('old events go by the rule of their category, and the log still proves itself', async () => {
  const [lab, other] = [await laboratory(), await laboratory()];
  const given = [
    read('2014-01-01T10:00:00Z'),
    signedIn('2014-01-01T11:00:00Z'),
    read(ago(1_000)),
    { ...read('2014-02-01T10:00:00Z'), patients: ['p', 'q'] },
    signedIn('2024-01-02T10:00:00Z'),
    signedIn(ago(20)),
  ];
  const mine = await sealed(lab, given);
  const theirs = await sealed(other, given);
  const run = await announced(lab);
  expect(run).toMatchObject({ state: 'announced', found: { audit: 2, 'security-log': 2, usage: 0, accounts: 0 } });
  expect(await ids(lab)).toEqual(expect.arrayContaining(mine));
  const after = await applied(lab, run.id);
  expect(after.removed).toEqual({ audit: 2, 'security-log': 2 });
  const left = await ids(lab);
  expect(mine.map((id) => left.includes(id))).toEqual([false, false, true, false, false, true]);
  const report = await verified(lab);
  expect(report).toMatchObject({ removed: 4 });
  expect(report).not.toHaveProperty('finding');
  const answer = await send(lab, 'GET', 'AuditEvent/$verify');
  expect(partsOf(answer, 'removal')).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ category: 'audit', period: 'P10Y', events: 2 }),
      expect.objectContaining({ category: 'security-log', period: 'P1Y', events: 2 }),
    ]),
  );
  // What stays is still proven one by one.
  expect((await lab.fetch(`AuditEvent/${mine[2]}/$proof`)).status).toBe(200);
  expect((await lab.fetch(`AuditEvent/${mine[0]}`)).status).toBe(404);
  const [rows] = await testDatabase().query<{ count: number }>(
    lab.tenant.id,
    sql`select count(*)::int4 as count from audit_patient where tenant_id = ${lab.tenant.id} and time < '2015-01-01'`,
  );
  expect(rows?.count).toBe(0);
  // The other laboratory has what it had.
  expect(await ids(other)).toEqual(expect.arrayContaining(theirs));
  expect(await verified(other)).not.toHaveProperty('finding');
  // Nothing is left to do, and the run is in the log.
  const again = await applied(lab, (await announced(lab)).id);
  expect(again.removed).toEqual({});
  const events = (await eventsOf(lab)).filter(({ kind }) => kind === 'retention-run');
  expect(events).toHaveLength(2);
  expect(JSON.stringify(events[0]?.further)).toMatch(/"audit".*"2"/);
}, 120_000);

describe('tampering is found after a run too', () => {
  async function expired(): Promise<{ lab: Kept; left: string[] }> {
    const lab = await laboratory();
    const given = [1, 2, 3, 4].flatMap((day) => [signedIn(ago(1_000.5 - day)), read(ago(1_000 - day))]);
    const all = await sealed(lab, given);
    await applied(lab, (await announced(lab)).id);
    return { lab, left: all.filter((_, i) => i % 2 === 1) };
  }

  test('an event altered, and one taken out', async () => {
    const { lab, left } = await expired();
    expect(await verified(lab)).not.toHaveProperty('finding');
    await tamper('update audit_event set outcome = 8 where tenant_id = $1 and id = $2', lab.tenant.id, left[1]);
    expect(await verified(lab)).toMatchObject({
      finding: {
        event: { reference: `AuditEvent/${left[1]}` },
        sentence: expect.stringMatching(/was altered.*4\. event/),
      },
    });
    await tamper('delete from audit_event where tenant_id = $1 and id = $2', lab.tenant.id, left[1]);
    expect(await verified(lab)).toMatchObject({ finding: { sentence: expect.stringMatching(/missing/) } });
  }, 90_000);

  test.each([
    ['taken away', 'delete from audit_removal where tenant_id = $1', /missing/],
    [
      'with other bits',
      `update audit_removal set removed = decode('ff', 'hex') where tenant_id = $1`,
      /not as it was signed/,
    ],
    [
      'with another text',
      `update audit_removal set content = replace(content, '"events":4', '"events":5') where tenant_id = $1`,
      /not signed/,
    ],
  ])(
    'a mark %s',
    async (_, statement, sentence) => {
      const { lab } = await expired();
      await tamper(statement, lab.tenant.id);
      expect(await verified(lab)).toMatchObject({ finding: { sentence: expect.stringMatching(sentence) } });
    },
    90_000,
  );

  test('a run removes nothing of a seal that was changed before', async () => {
    const lab = await laboratory();
    const all = await sealed(lab, [signedIn('2024-01-01T10:00:00Z'), signedIn('2024-01-02T10:00:00Z')]);
    await tamper('update audit_event set outcome = 8 where tenant_id = $1 and id = $2', lab.tenant.id, all[0]);
    const run = await applied(lab, (await announced(lab)).id);
    expect(run.removed['altered-seals']).toBeGreaterThan(0);
    expect(run.removed).not.toHaveProperty('security-log');
    expect(await ids(lab)).toEqual(expect.arrayContaining(all));
    expect(await verified(lab)).toMatchObject({ finding: { sentence: expect.stringMatching(/was altered/) } });
    const [event] = (await eventsOf(lab)).filter(({ kind }) => kind === 'retention-run');
    expect(event).toMatchObject({ outcome: 4, reason: expect.stringMatching(/changed by hand/) });
  }, 90_000);
});

describe('holds', () => {
  const hold = async ({ dpo }: Kept, cover: Record<string, string>): Promise<string> =>
    String(
      partsOf(await send(dpo, 'POST', '$legal-hold', parameters({ reason: 'lawsuit', ...cover })), 'hold')[0]?.['id'],
    );

  test.each([
    ['all', {}, [true, true, true]],
    ['a category', { category: 'audit' }, [true, true, false]],
    ['a patient', { patient: 'Patient/p' }, [true, false, false]],
  ])(
    '%s',
    async (_, cover, stays) => {
      const lab = await laboratory();
      const mine = await sealed(lab, [
        read('2014-01-01T10:00:00Z', 'p'),
        read('2014-01-01T10:00:00Z', 'q'),
        signedIn('2014-01-01T10:00:00Z'),
      ]);
      // It holds back what was announced before it, too.
      const run = await announced(lab);
      const id = await hold(lab, cover);
      await applied(lab, run.id);
      const left = await ids(lab);
      expect(mine.map((one) => left.includes(one))).toEqual(stays);
      expect(await verified(lab)).not.toHaveProperty('finding');
      await send(lab.dpo, 'POST', '$legal-hold-lift', parameters({ hold: id, reason: 'settled' }));
      const later = await announced(lab);
      await applied(lab, later.id);
      const after = await ids(lab);
      expect(mine.some((one) => after.includes(one))).toBe(false);
      expect(await verified(lab)).not.toHaveProperty('finding');
      expect((await runOf(lab, later.id)).state).toBe('applied');
    },
    120_000,
  );
});

test('who did what is forgotten with the last event of it, unless he comes back meanwhile', async () => {
  const lab = await laboratory();
  const agent = (subject: string): Agent => ({ subject, client: 'c', roles: [] });
  const old = (subject: string) => ({ ...signedIn('2014-01-01T11:00:00Z'), agent: agent(subject) });
  await sealed(lab, [old('gone'), old('back'), old('stays'), { ...signedIn(ago(20)), agent: agent('stays') }]);
  const session = { tenant: lab.tenant.id };
  /** By name; with a mark where they are unused. */
  const agents = async (): Promise<string> => {
    const rows = await testDatabase().query<{ shown: string }>(
      session.tenant,
      sql`select (content ->> 'subject') || case when unused is null then '' else '*' end as shown from audit_agent
        where tenant_id = ${session.tenant} and content ->> 'client' = 'c' order by content ->> 'subject'`,
    );
    return rows.map(({ shown }) => shown).join(' ');
  };
  const run = async (): Promise<void> => void (await applied(lab, (await announced(lab)).id));
  // The run is over before what follows it.
  const until = async (expected: string): Promise<void> => {
    for (const end = Date.now() + 120_000; Date.now() < end && (await agents()) !== expected;) await pause(100);
    expect(await agents()).toBe(expected);
  };
  await run();
  await until('back* gone* stays');
  await testDatabase().operating(async ({ operator }) => {
    await operator(sql`select set_config('makhbar.tenant', ${String(session.tenant)}, true)`);
    await operator(sql`update audit_agent set unused = clock_timestamp() - interval '3 days'
      where tenant_id = ${session.tenant} and unused is not null`);
  });
  await sealed(lab, [{ ...signedIn(ago(0)), agent: agent('back') }]);
  await until('back gone* stays');
  await run();
  await until('back stays');
  expect(await verified(lab)).not.toHaveProperty('finding');
}, 120_000);
