/**
 * Seals: what was written is proven, and every change by hand is found and named. The changes are made as the owner of the
 * database, whom row level security and grants do not stop.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { rowOf } from '../../src/audit/row.ts';
import type { AuditRecord } from '../../src/audit/record.ts';
import { readConfig } from '../../src/config.ts';
import { newId } from '../../src/interactions/new-id.ts';
import { signingKeyOf } from '../../src/identity/token.ts';
import { sealNext, type Sealing } from '../../src/sealing/sealer.ts';
import { verifyLog, type Verified } from '../../src/sealing/verify.ts';
import { addEvents } from '../../src/store/audit.ts';
import { agentNumbers } from '../../src/store/audit-agents.ts';
import type { Session } from '../../src/store/pool.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { hasOpenEvents } from '../../src/store/audit-seals.ts';
import { testDatabase, testServer } from '../server.ts';
import { tamper } from './owner.ts';

const agent = { subject: 'user-1', client: 'app', roles: ['technician'], fhirUser: 'Practitioner/p' };

function record(i: number): Omit<AuditRecord, 'agent'> {
  return {
    id: newId(),
    time: Date.now(),
    kind: i % 3 === 0 ? 'search-type' : 'read',
    outcome: 0,
    address: '127.0.0.1',
    purposes: i % 2 === 0 ? ['TREAT'] : [],
    requestId: `request-${i}`,
    ...(i % 3 === 0 && { query: `Observation?code=${i}` }),
    touched: [{ type: 'Observation', id: `o${i}`, version: 1 }],
    patients: i % 4 === 0 ? ['p1', 'p2'] : ['p1'],
  };
}

interface Laboratory {
  readonly tenant: Tenant;
  readonly session: Session;
  add(count: number): Promise<string[]>;
  /** One try, which other transactions of the database may hold back. */
  seal(): Promise<number | undefined>;
  /** Until no event is open; the number of the last seal. */
  sealed(): Promise<number>;
  verify(): Promise<Verified>;
  /** As the owner of the tables. */
  tamper(text: string, ...values: unknown[]): Promise<void>;
}

function laboratory(): Laboratory {
  const database = testDatabase();
  // Not in the list of laboratories: the server seals those by itself, and here each seal is made when the test says so.
  const id = 1_000_000_000 + randomInt(1_000_000_000);
  const tenant: Tenant = { id, name: `t-${id}`, title: '', status: 'active', settings: {}, created: '' };
  const keyEncryptionKey = readConfig({ DATA_DIR: testServer().dataDir }).keyEncryptionKey();
  const sealing: Sealing = {
    database,
    signingKey: (of) => signingKeyOf({ database, keyEncryptionKey }, of),
    now: Date.now,
  };
  const number = agentNumbers(database);
  const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
  let next = 0;
  return {
    tenant,
    session,
    add: async (count) => {
      const of = await number(tenant.id, JSON.stringify(agent));
      const records = Array.from({ length: count }, () => record(next++));
      const entries = records.map((one) => ({
        row: rowOf(one),
        agent: of,
        patients: one.patients.length > 1 ? one.patients : [],
      }));
      await database.query(tenant.id, addEvents(tenant.id, entries));
      return records.map(({ id }) => id);
    },
    seal: async () => (await sealNext(sealing, tenant))?.number,
    sealed: async () => {
      let last = 0;
      while (await hasOpenEvents(database, tenant.id)) {
        last = (await sealNext(sealing, tenant))?.number ?? last;
        await pause(10);
      }
      return last;
    },
    verify: async () => {
      const found = await verifyLog(session, tenant);
      // The same, in threads that are given a seal at a time.
      const connect = database.options;
      expect(await verifyLog(session, tenant, { connect, piece: { events: 1, seals: 1 } })).toEqual(found);
      return found;
    },
    tamper,
  };
}

test('events are sealed in their order, later ones by a further seal, and open ones are told', async () => {
  const lab = laboratory();
  expect(await lab.seal()).toBeUndefined();
  await lab.add(5);
  expect(await lab.sealed()).toBe(1);
  expect(await lab.seal()).toBeUndefined();
  await lab.add(4);
  expect(await lab.verify()).toMatchObject({ seals: 1, events: 5, open: 4, finding: undefined });
  expect(await lab.sealed()).toBe(2);
  expect(await lab.verify()).toMatchObject({ seals: 2, events: 9, open: 0, finding: undefined, last: { number: 2 } });
});

test('an event of a transaction that ends late comes under a later seal, whatever its time', async () => {
  const lab = laboratory();
  await lab.add(2);
  await lab.sealed();
  const database = testDatabase();
  const of = await agentNumbers(database)(lab.tenant.id, JSON.stringify(agent));
  await database.transaction(lab.tenant.id, async (session) => {
    const late = { ...record(0), id: newId(Date.now() - 3_600_000), time: Date.now() - 3_600_000 };
    await session.query(addEvents(lab.tenant.id, [{ row: rowOf(late), agent: of, patients: late.patients }]));
    await lab.add(2);
    // The running transaction holds the seal back.
    expect(await lab.seal()).toBeUndefined();
  });
  expect(await lab.sealed()).toBeGreaterThanOrEqual(2);
  expect(await lab.verify()).toMatchObject({ events: 5, open: 0, finding: undefined });
});

test('processes that seal at once make one chain', async () => {
  const lab = laboratory();
  for (let round = 0; round < 5; round++) {
    await lab.add(3);
    await Promise.all(Array.from({ length: 4 }, () => lab.seal()));
  }
  await lab.sealed();
  expect(await lab.verify()).toMatchObject({ events: 15, open: 0, finding: undefined });
});

describe('changes by hand', () => {
  const id = (lab: Laboratory, n: number): Promise<string> =>
    lab.session
      .query<{ id: string }>({
        text: 'select id from audit_event where tenant_id = $1 order by transaction, id offset $2 limit 1',
        values: [lab.tenant.id, n],
      })
      .then(([row]) => row?.id ?? '');

  test.each([
    ['an outcome', `update audit_event set outcome = 8 where tenant_id = $1 and id = $2`, /was altered/],
    ['a time', `update audit_event set time = time - interval '1 day' where tenant_id = $1 and id = $2`, /was altered/],
    ['an agent', `update audit_event set agent = agent where tenant_id = $1 and id = $2`, undefined],
    [
      'a patient',
      `update audit_event set patient = 'other', detail = null where tenant_id = $1 and id = $2`,
      /was altered/,
    ],
    ['an entity', `update audit_event set entity_version = 2 where tenant_id = $1 and id = $2`, /was altered/],
    ['the detail', `update audit_event set detail = '{"query":"x"}' where tenant_id = $1 and id = $2`, /was altered/],
  ])('%s', async (_, change, sentence) => {
    const lab = laboratory();
    await lab.add(6);
    await lab.sealed();
    const third = await id(lab, 2);
    await lab.tamper(change, lab.tenant.id, third);
    const { finding } = await lab.verify();
    if (sentence === undefined) {
      expect(finding).toBeUndefined();
      return;
    }
    expect(finding).toMatchObject({ seal: 1, event: third, sentence: expect.stringMatching(sentence) });
  });

  test('who an agent is', async () => {
    const lab = laboratory();
    await lab.add(3);
    await lab.sealed();
    await lab.tamper(
      `update audit_agent set content = content || '{"subject":"other"}' where tenant_id = $1`,
      lab.tenant.id,
    );
    expect((await lab.verify()).finding).toMatchObject({
      event: await id(lab, 0),
      sentence: expect.stringMatching(/altered/),
    });
  });

  test('an event taken out, from the middle and from the end', async () => {
    const lab = laboratory();
    await lab.add(6);
    await lab.sealed();
    const [second, third, sixth] = [await id(lab, 1), await id(lab, 2), await id(lab, 5)];
    await lab.tamper('delete from audit_event where tenant_id = $1 and id = $2', lab.tenant.id, sixth);
    expect((await lab.verify()).finding).toMatchObject({
      seal: 1,
      sentence: expect.stringMatching(/ends early: the 6/),
    });
    await lab.tamper('delete from audit_event where tenant_id = $1 and id = $2', lab.tenant.id, second);
    expect((await lab.verify()).finding).toMatchObject({
      event: third,
      sentence: expect.stringMatching(/missing before/),
    });
  });

  test('an event put in among those that are sealed', async () => {
    const lab = laboratory();
    await lab.add(4);
    await lab.sealed();
    const added = newId();
    await lab.tamper(
      `insert into audit_event (tenant_id, time, transaction, id, agent, kind, outcome, address, request)
       select tenant_id, now(), transaction, $2, agent, kind, outcome, address, request from audit_event
       where tenant_id = $1 limit 1`,
      lab.tenant.id,
      added,
    );
    expect((await lab.verify()).finding).toMatchObject({ event: added, sentence: expect.stringMatching(/was added/) });
  });

  test('two events in another order', async () => {
    const lab = laboratory();
    await lab.add(2);
    await lab.add(2);
    await lab.sealed();
    await lab.tamper(
      `update audit_event e set transaction = o.transaction from audit_event o
       where e.tenant_id = $1 and o.tenant_id = $1 and (e.id, o.id) in (($2, $3), ($3, $2))`,
      lab.tenant.id,
      await id(lab, 1),
      await id(lab, 2),
    );
    expect((await lab.verify()).finding?.sentence).toMatch(/another order|missing|altered/);
  });

  test.each([
    ['a seal taken out', 'delete from audit_seal where tenant_id = $1 and number = 2', /Seal 2 is missing/],
    [
      'a text changed',
      `update audit_seal set content = replace(content, '"count":2', '"count":1') where tenant_id = $1 and number = 2`,
      /Seal 2 is not signed/,
    ],
    [
      'a range changed',
      'update audit_seal set high = high + 1 where tenant_id = $1 and number = 2',
      /Seal 2 does not cover/,
    ],
    [
      'its leaves changed',
      `update audit_seal set leaves = substr(leaves, 1, 32) where tenant_id = $1 and number = 2`,
      /leaves of seal 2/,
    ],
    [
      'a signature of another',
      `update audit_seal set signature = decode(repeat('00', 64), 'hex') where tenant_id = $1 and number = 2`,
      /Seal 2 is not signed/,
    ],
    [
      'two exchanged',
      'update audit_seal set number = 5 - number where tenant_id = $1 and number in (2, 3)',
      /Seal 2 is that of another place/,
    ],
  ])('%s', async (_, change, sentence) => {
    const lab = laboratory();
    for (let round = 0; round < 3; round++) {
      await lab.add(2);
      await lab.sealed();
    }
    expect((await lab.verify()).finding).toBeUndefined();
    if (change.includes('5 - number')) {
      await lab.tamper(
        'update audit_seal set number = number + 10 where tenant_id = $1 and number in (2, 3)',
        lab.tenant.id,
      );
      await lab.tamper(
        'update audit_seal set number = 15 - number where tenant_id = $1 and number in (12, 13)',
        lab.tenant.id,
      );
    } else {
      await lab.tamper(change, lab.tenant.id);
    }
    expect((await lab.verify()).finding).toMatchObject({ seal: 2, sentence: expect.stringMatching(sentence) });
  });
});

test('the application cannot change or remove what is logged', async () => {
  const lab = laboratory();
  await lab.add(1);
  for (const table of ['audit_event', 'audit_patient', 'audit_agent', 'audit_seal']) {
    await expect(
      lab.session.query({ text: `delete from ${table} where tenant_id = $1`, values: [lab.tenant.id] }),
    ).rejects.toThrow();
    await expect(
      lab.session.query({
        text: `update ${table} set tenant_id = tenant_id where tenant_id = $1`,
        values: [lab.tenant.id],
      }),
    ).rejects.toThrow();
  }
});

test('two laboratories with the same events have seals of their own', async () => {
  const [one, other] = [laboratory(), laboratory()];
  await one.add(2);
  await one.sealed();
  expect(await other.seal()).toBeUndefined();
  expect(await other.verify()).toMatchObject({ seals: 0, events: 0, open: 0 });
});
