/** Rules, holds and runs as the data protection officer sets them; what goes besides the log; who may and what is refused. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { categories } from '../../src/retention/categories.ts';
import { before } from '../../src/retention/period.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { addMessage, type NewMessage } from '../../src/store/messages.ts';
import { sql } from '../../src/store/sql.ts';
import { eventsOf, putEvents } from '../audit/log.ts';
import { officer, parameters, put, send } from '../erasure/laboratory.ts';
import { makePerson } from '../identity/app.ts';
import { signIn, testDatabase } from '../server.ts';
import { ago, announced, applied, laboratory, partsOf, read, sealed, untilSealed, type Kept } from './laboratory.ts';

let lab: Kept;
beforeAll(async () => {
  lab = await laboratory();
});

async function refusal(path: string, given: Record<string, string>, as = lab.dpo): Promise<[number, string]> {
  const response = await as.fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(parameters(given)),
  });
  return [response.status, await response.text()];
}

describe('periods', () => {
  const now = Date.parse('2026-03-31T15:30:00Z');
  test.each([
    ['P1D', '2026-03-30'],
    ['P90D', '2025-12-31'],
    ['P1M', '2026-02-28'],
    ['P25M', '2024-02-29'],
    ['P2Y', '2024-03-31'],
  ])('%s', (period, day) => {
    expect(new Date(before(period, now)).toISOString()).toBe(`${day}T00:00:00.000Z`);
  });
});

test('the rules are those of the table until the laboratory sets its own', async () => {
  const rules = partsOf(await send(lab.dpo, 'GET', '$retention-rules'), 'rule');
  expect(rules.map(({ category, period }) => [category, period])).toEqual(
    Object.entries(categories).map(([name, { usual }]) => [name, usual.period ?? 'none']),
  );
  const rule = { category: 'usage', period: 'P3Y', basis: 'Contract of 2026' };
  expect(partsOf(await send(lab.dpo, 'POST', '$retention-rule-set', parameters(rule)), 'rule')[0]).toMatchObject({
    ...rule,
    by: 'officer',
  });
  const other = await laboratory();
  const theirs = partsOf(await send(other.dpo, 'GET', '$retention-rules'), 'rule');
  expect(theirs.find(({ category }) => category === 'usage')).toMatchObject({ period: 'P2Y' });
  await send(lab.dpo, 'POST', '$retention-rule-set', parameters({ category: 'usage', period: 'usual' }));
  const again = partsOf(await send(lab.dpo, 'GET', '$retention-rules'), 'rule');
  expect(again.find(({ category }) => category === 'usage')).toMatchObject({ period: 'P2Y' });
});

describe('refused', () => {
  const uuid = '00000000-0000-4000-8000-000000000000';
  test.each([
    ['$retention-rule-set', { category: 'all', period: 'P1Y', basis: 'law' }, 400, /There is no category/],
    ['$retention-rule-set', { category: 'audit', period: '10 years', basis: 'law' }, 400, /period is like/],
    ['$retention-rule-set', { category: 'audit', period: 'P0D', basis: 'law' }, 400, /period is like/],
    ['$retention-rule-set', { category: 'audit', period: 'P6M', basis: 'law' }, 422, /P1Y at least/],
    ['$retention-rule-set', { category: 'audit', period: 'P2Y' }, 400, /basis names/],
    ['$retention-rule-set', { category: 'audit' }, 400, /period is missing/],
    ['$legal-hold', { reason: 'why', patient: 'Patient/p', category: 'audit' }, 400, /not two/],
    ['$legal-hold', { reason: 'why', patient: 'Patient/a/b' }, 400, /patient is Patient/],
    ['$legal-hold', { patient: 'Patient/p' }, 400, /reason is missing/],
    ['$legal-hold-lift', { hold: 'x', reason: 'why' }, 400, /hold is a UUID/],
    ['$legal-hold-lift', { hold: uuid, reason: 'why' }, 404, /no legal hold/],
    ['$retention-run', { dryRun: 'false' }, 400, /run is missing/],
    ['$retention-run', { dryRun: 'false', run: uuid }, 404, /no run/],
    ['$retention-run', { dryRun: 'maybe' }, 400, /true or false/],
    ['$retention-run', { force: 'true' }, 400, /no parameter/],
  ])('%s %j', async (path, given, status, sentence) => {
    expect(await refusal(path, given as Record<string, string>)).toEqual([status, expect.stringMatching(sentence)]);
  });

  test.each([
    ['$retention-rule-set', { category: 'usage', period: 'P3Y', basis: 'law' }],
    ['$retention-run', {}],
    ['$legal-hold', { reason: 'why' }],
  ])('%s by who may not, and without a fresh second factor', async (path, given) => {
    const reader = await signIn(lab.tenant, 'system/*.cruds manage/users');
    expect((await refusal(path, given as Record<string, string>, reader))[0]).toBe(403);
    const late = await officer(lab.tenant, 3_600);
    expect((await refusal(path, given as Record<string, string>, late))[0]).toBe(401);
  });

  test('reading the rules, holds and runs is for the same', async () => {
    const reader = await signIn(lab.tenant, 'system/*.cruds');
    for (const path of ['$retention-rules', '$legal-holds', '$retention-runs']) {
      expect([path, (await reader.fetch(path)).status]).toEqual([path, 403]);
      expect([path, (await lab.dpo.fetch(path)).status]).toEqual([path, 200]);
    }
  });

  test('a run of another laboratory, and one that was carried out', async () => {
    const other = await laboratory();
    const run = await announced(other);
    expect((await refusal('$retention-run', { dryRun: 'false', run: run.id }))[0]).toBe(404);
    await applied(other, run.id);
    expect((await refusal('$retention-run', { dryRun: 'false', run: run.id }, other.dpo))[0]).toBe(409);
  }, 60_000);
});

test('each deed has its one event', async () => {
  const kept = await laboratory();
  const deeds: readonly (readonly [string, Record<string, string>, string])[] = [
    ['$retention-rule-set', { category: 'usage', period: 'P3Y', basis: 'law' }, 'retention-rule-changed'],
    ['$legal-hold', { reason: 'lawsuit', patient: 'Patient/p' }, 'legal-hold-changed'],
    ['$retention-run', {}, 'retention-announced'],
  ];
  for (const [path, given, kind] of deeds) {
    const known = (await eventsOf(kept)).length;
    await send(kept.dpo, 'POST', path, parameters(given));
    const added = (await eventsOf(kept)).slice(known);
    expect(added.map((event) => [event.kind, event.deed, event.outcome])).toEqual([[kind, path, 0]]);
  }
  expect((await eventsOf(kept)).find(({ kind }) => kind === 'legal-hold-changed')?.patients).toEqual(['p']);
});

/** As the owner of the database, for one laboratory. */
async function asOwner({ tenant }: Kept, statement: ReturnType<typeof sql>): Promise<void> {
  await testDatabase().operating(async ({ operator }) => {
    await operator(sql`select set_config('makhbar.tenant', ${String(tenant.id)}, true)`);
    expect((await operator(statement)).length).toBeGreaterThan(0);
  });
}

test('usage and accounts go row by row, and nothing younger', async () => {
  const recent = ago(21).slice(0, 10);
  const [kept, other] = [await laboratory(), await laboratory()];
  for (const { tenant } of [kept, other]) {
    await testDatabase().operator(sql`insert into usage (tenant_id, day, metric, count) values
      (${tenant.id}, '2020-01-01', 'requests', 1), (${tenant.id}, '2020-01-02', 'requests', 1),
      (${tenant.id}, ${recent}::date, 'requests', 1)`);
  }
  const [old, fresh, active] = [await person(kept), await person(kept), await person(kept)];
  const disable = (id: string, since: string): Promise<void> =>
    asOwner(
      kept,
      sql`update account set status = 'disabled', disabled = ${since}::timestamptz
      where tenant_id = ${kept.tenant.id} and account_id = ${id}::uuid returning 1`,
    );
  await disable(old, '2020-01-01');
  await disable(fresh, ago(60));
  const run = await announced(kept);
  expect(run.found).toMatchObject({ usage: 2, accounts: 1 });
  const after = await applied(kept, run.id);
  expect(after.removed).toEqual({ usage: 2, accounts: 1 });
  const days = async ({ tenant }: Kept): Promise<string[]> =>
    (
      await testDatabase().query<{ day: string }>(
        tenant.id,
        sql`select day from usage where tenant_id = ${tenant.id} and metric = 'requests' and day <= ${recent}::date order by day`,
      )
    ).map(({ day }) => day);
  expect(await days(kept)).toEqual([recent]);
  expect(await days(other)).toEqual(['2020-01-01', '2020-01-02', recent]);
  const accounts = await testDatabase().query<{ id: string }>(
    kept.tenant.id,
    sql`select account_id as id from account where tenant_id = ${kept.tenant.id}`,
  );
  expect(accounts.map(({ id }) => id).sort()).toEqual([fresh, active].sort());
}, 60_000);

async function person({ tenant }: Kept): Promise<string> {
  return (await makePerson(tenant, { roles: ['technician'] })).id;
}

test('messages go once they are done with', async () => {
  const [kept, other] = [await laboratory(), await laboratory()];
  const add = (of: Kept, received: string, status: NewMessage['status'], patient?: string): Promise<void> => {
    const id = randomUUID();
    const session = sessionOf(testDatabase(), of.tenant.id);
    const bytes = Buffer.from(id);
    const message: NewMessage = {
      id,
      received: Date.parse(received),
      direction: 'in',
      protocol: 'hl7v2',
      status,
      interface: 'ward',
      peer: '127.0.0.1',
      sender: `${status} ${patient ?? ''} ${received.slice(0, 4)}`,
      type: 'ORU^R01',
      controlId: id,
      charset: '',
      content: bytes,
      raw: bytes,
    };
    return addMessage(session, message).then(async () => {
      if (patient === undefined) return;
      await session.query(sql`update message set patients = ${[patient]}::text[]
        where tenant_id = ${of.tenant.id} and id = ${id}::uuid`);
    });
  };
  const left = async (of: Kept): Promise<string[]> =>
    (
      await testDatabase().query<{ sender: string }>(
        of.tenant.id,
        sql`select sender from message where tenant_id = ${of.tenant.id} order by sender`,
      )
    ).map(({ sender }) => sender);
  for (const one of [kept, other]) {
    await add(one, '2020-01-01', 'applied', 'p');
    await add(one, '2020-01-01', 'applied', 'q');
    await add(one, '2020-01-01', 'rejected');
    await add(one, '2020-01-01', 'failed');
    await add(one, ago(2), 'applied', 'r');
  }
  const hold = await send(kept.dpo, 'POST', '$legal-hold', parameters({ reason: 'lawsuit', patient: 'Patient/p' }));
  const run = await announced(kept);
  expect(run.found['messages']).toBe(1);
  expect((await applied(kept, run.id)).removed).toEqual({ messages: 1 });
  expect(await left(kept)).toEqual([
    'applied p 2020',
    expect.stringMatching(/^applied r /),
    'failed  2020',
    'rejected  2020',
  ]);
  const id = String(partsOf(hold, 'hold')[0]?.['id']);
  await send(kept.dpo, 'POST', '$legal-hold-lift', parameters({ hold: id, reason: 'settled' }));
  await applied(kept, (await announced(kept)).id);
  expect(await left(kept)).toEqual([expect.stringMatching(/^applied r /), 'failed  2020']);
  expect(await left(other)).toHaveLength(5);
}, 60_000);

test('a longer period since the announcement holds back, a shorter one takes nothing that was not announced', async () => {
  const kept = await laboratory();
  const mine = await sealed(kept, [read('2014-01-01T10:00:00Z'), read(ago(3_000))]);
  const set = (period: string): Promise<unknown> =>
    send(kept.dpo, 'POST', '$retention-rule-set', parameters({ category: 'audit', period, basis: 'law' }));
  const left = async (): Promise<boolean[]> => {
    const all = (await eventsOf(kept)).map(({ id }) => id);
    return mine.map((id) => all.includes(id));
  };
  const first = await announced(kept);
  await set('P20Y');
  await applied(kept, first.id);
  expect(await left()).toEqual([true, true]);
  await set('P10Y');
  const second = await announced(kept);
  await set('P5Y');
  await applied(kept, second.id);
  expect(await left()).toEqual([false, true]);
}, 90_000);

test('a patient on hold is not erased', async () => {
  const kept = await laboratory();
  await put(kept, { resourceType: 'Patient', id: 'held' });
  const answer = await send(
    kept.dpo,
    'POST',
    '$legal-hold',
    parameters({ reason: 'lawsuit', patient: 'Patient/held' }),
  );
  expect(await refusal('Patient/held/$erase', { reason: 'he asks' }, kept.dpo)).toEqual([
    409,
    expect.stringMatching(/under a legal hold/),
  ]);
  expect((await kept.fetch('Patient/held')).status).toBe(200);
  const hold = String(partsOf(answer, 'hold')[0]?.['id']);
  await send(kept.dpo, 'POST', '$legal-hold-lift', parameters({ hold, reason: 'settled' }));
  await send(kept.dpo, 'POST', 'Patient/held/$erase', parameters({ reason: 'he asks' }));
  expect((await kept.fetch('Patient/held')).status).toBe(410);
}, 60_000);

/** Another for each attempt at the test: the months of the one before may still have something in them. */
let year = 2017;

test('months of the log that are empty are dropped, others stay', async () => {
  // None that other tests put events into.
  year -= 2;
  const database = testDatabase();
  const [february, march] = [`audit_event_${year}_02`, `audit_event_${year}_03`];
  const there = async (): Promise<string[]> =>
    (
      await database.operator<{ name: string }>(sql`select relname as name from pg_class
        where relname in (${february}, ${february.replace('event', 'patient')}, ${march}) order by 1`)
    ).map(({ name }) => name);
  // They are dropped once the run is told as applied, and by a later run where others were at the log.
  const runUntil = async (of: Kept, expected: string[]): Promise<void> => {
    for (const end = Date.now() + 90_000; Date.now() < end;) {
      await applied(of, (await announced(of)).id);
      for (let tries = 0; tries < 20; tries++, await pause(100))
        if ((await there()).length === expected.length) return expect(await there()).toEqual(expected);
    }
    expect(await there()).toEqual(expected);
  };
  // A month and what is in it at once: other runs drop empty ones.
  const inMonth = async (of: Kept, day: string): Promise<void> => {
    const given = { ...read(`${day}T10:00:00Z`), patients: ['a', 'b'] };
    const ids = await putEvents(of.tenant.id, [given], (statement) =>
      database.operating(async ({ operator, become }) => {
        await operator(sql`select audit_month(${day}::date)`);
        return (await become(of.tenant.id)).query(statement);
      }),
    );
    await untilSealed(of, ids);
  };
  const [kept, other] = [await laboratory(), await laboratory()];
  await inMonth(kept, `${year}-02-05`);
  await inMonth(other, `${year}-03-05`);
  await runUntil(kept, [march]);
  await runUntil(other, []);
}, 300_000);
