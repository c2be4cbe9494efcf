/** Refusals that anybody can cause as often as they like: the first have events, the others are counted. */
import { describe, expect, test } from '@jest/globals';
import { makeRefusals, type Refusal, type Refusals } from '../../src/interactions/refusals.ts';
import { createLog } from '../../src/log.ts';
import { combinedEvents } from '../../src/store/audit.ts';
import { agentNumbers } from '../../src/store/audit-agents.ts';
import { makeCombiner } from '../../src/store/combine.ts';
import { setTenantStatus } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import { eventsOf } from './log.ts';

async function early(): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 25_000) await new Promise((done) => setTimeout(done, left + 50));
}

async function ask(lab: Laboratory, count: number, init?: RequestInit): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await lab.fetch('Patient?_count=0', init)).status);
  return found;
}

describe('over HTTP', () => {
  test('past the rate the first refusal of a caller has an event', async () => {
    await early();
    const lab = await makeLaboratory({ settings: { rateLimit: 3 } });
    const statuses = await ask(lab, 10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(7);
    const events = await eventsOf(lab);
    expect(events.map(({ outcome }) => outcome)).toEqual([0, 0, 0, 4]);
    expect(events.at(-1)).toMatchObject({
      kind: 'search-type',
      reason: '429 throttled',
      agent: { subject: 'operator', client: 'makhbar' },
    });
  }, 30_000);

  test('of those who are not signed in the first twenty of a minute', async () => {
    const lab = await makeLaboratory();
    const statuses = await ask(lab, 30, { headers: { authorization: 'Bearer nonsense' } });
    expect(new Set(statuses)).toEqual(new Set([401]));
    const events = await eventsOf(lab);
    expect(events).toHaveLength(20);
    expect(new Set(events.map(({ kind, reason }) => `${kind} ${reason?.slice(0, 9)}`))).toEqual(
      new Set(['access-denied 401 login']),
    );
  });

  test('a laboratory that is suspended', async () => {
    const lab = await makeLaboratory();
    await setTenantStatus(testDatabase(), lab.tenant.name, 'suspended');
    expect(await ask(lab, 1)).toEqual([403]);
    expect(await eventsOf(lab)).toEqual([
      expect.objectContaining({ kind: 'access-denied', deed: 'search-type', outcome: 8 }),
    ]);
  });

  test('storage that is full', async () => {
    const lab = await makeLaboratory({ settings: { storageLimit: 1 } });
    const body = JSON.stringify({ resourceType: 'Patient' });
    const headers = { 'content-type': 'application/fhir+json' };
    expect((await lab.fetch('Patient', { method: 'POST', body, headers })).status).toBe(507);
    expect(await eventsOf(lab)).toEqual([
      expect.objectContaining({ kind: 'create', outcome: 8, reason: '507 business-rule', touched: [] }),
    ]);
  });

  test('a path of signing in', async () => {
    await early();
    const lab = await makeLaboratory();
    const root = lab.base.replace(/\/fhir$/, '');
    const statuses: number[] = [];
    for (let i = 0; i < 22; i++) {
      statuses.push((await fetch(`${root}/register`, { method: 'POST', body: '{}' })).status);
    }
    expect(statuses.slice(-2)).toEqual([429, 429]);
    const event = { kind: 'request-refused', outcome: 4, reason: '429 throttled', address: '127.0.0.1' };
    expect(await eventsOf(lab)).toEqual([expect.objectContaining(event), expect.objectContaining(event)]);
  });
});

describe('counting', () => {
  function made(): Refusals {
    const database = testDatabase();
    const events = makeCombiner(database, combinedEvents);
    return makeRefusals({ events, agentNumber: agentNumbers(database), log: createLog('silent') });
  }
  const nobody = { subject: '', client: '', roles: [] };
  const known = { subject: 'u1', client: 'app', roles: ['technician'] };
  const refusal = ({ tenant }: Laboratory, more: Partial<Refusal> = {}): Refusal => ({
    tenant,
    caller: nobody,
    address: '10.0.0.1',
    reason: '401 login',
    ...more,
  });
  const told = (refusals: Refusals, one: Refusal, times: number): number =>
    Array.from({ length: times }, () => refusals.isTold(one)).filter(Boolean).length;
  const counts = async (lab: Laboratory): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await eventsOf(lab)).map(({ kind, reason, agent, address, further }) => {
        const [entity] = further ?? [];
        const [count] = (entity?.['detail'] ?? []) as { valueString: string }[];
        return [`${kind} ${reason} ${agent.client}${agent.subject} ${address}`, count?.valueString ?? ''];
      }),
    );

  test('callers, addresses and reasons have counts of their own; a minute that ended is told once', async () => {
    const lab = await makeLaboratory();
    const refusals = made();
    expect(told(refusals, refusal(lab, { caller: known, reason: '429 throttled' }), 51)).toBe(1);
    expect(told(refusals, refusal(lab), 25)).toBe(20);
    expect(told(refusals, refusal(lab, { address: '10.0.0.2' }), 3)).toBe(3);
    expect(told(refusals, refusal(lab, { reason: '429 throttled' }), 22)).toBe(20);
    await refusals.flush();
    await refusals.flush();
    expect(await counts(lab)).toEqual({
      'requests-refused 429 throttled appu1 10.0.0.1': '50',
      'requests-refused 401 login  10.0.0.1': '5',
      'requests-refused 429 throttled  10.0.0.1': '2',
    });
    expect(told(refusals, refusal(lab), 1)).toBe(1);
  });

  test('however many addresses there are, the events of a laboratory are bounded, and no other one suffers', async () => {
    const [lab, other] = [await makeLaboratory(), await makeLaboratory()];
    const refusals = made();
    let own = 0;
    for (let i = 0; i < 5_000; i++) {
      own += told(refusals, refusal(lab, { address: `10.1.${i >> 8}.${i & 255}` }), 2);
    }
    expect(own).toBe(300);
    await refusals.flush();
    const found = await counts(lab);
    // One for each address that was counted alone, one for all the others.
    expect(Object.keys(found).length).toBeLessThanOrEqual(2_001);
    expect(Object.values(found).reduce((sum, count) => sum + Number(count), 0)).toBe(10_000 - 300);
    expect(told(refusals, refusal(other), 1)).toBe(1);
  }, 60_000);

  test('what cannot be stored is counted on', async () => {
    const lab = await makeLaboratory();
    const database = testDatabase();
    const events = makeCombiner(database, combinedEvents);
    let broken = true;
    const refusals = makeRefusals({
      events: {
        ...events,
        submit: (...input) => (broken ? Promise.reject(new Error('no disk')) : events.submit(...input)),
      },
      agentNumber: agentNumbers(database),
      log: createLog('silent'),
    });
    told(refusals, refusal(lab), 23);
    await refusals.flush();
    expect(await eventsOf(lab)).toEqual([]);
    broken = false;
    told(refusals, refusal(lab), 21);
    await refusals.flush();
    expect(Object.values(await counts(lab))).toEqual(['4']);
  });
});
