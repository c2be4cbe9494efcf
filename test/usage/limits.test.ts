/** Limits of a plan: requests of all callers of a laboratory, storage, and settings that take the place of one limit. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { limitsOf, plans, type LimitSettings } from '../../src/access/plans.ts';
import { changeTenantSettings, type TenantSettings } from '../../src/store/tenants.ts';
import { sentence, type Json } from '../operations/store.ts';
import { makeLaboratory, signIn, testDatabase, type Laboratory } from '../server.ts';

const none = { rateLimit: 0, totalRateLimit: 0, storageLimit: 0, exportConcurrency: 1 };

describe('which limits hold', () => {
  test.each<[string, LimitSettings, number, object]>([
    ['nothing set', {}, 0, none],
    ['RATE_LIMIT', {}, 60, { ...none, rateLimit: 60 }],
    ['a setting goes before RATE_LIMIT', { rateLimit: 5 }, 60, { ...none, rateLimit: 5 }],
    ['a setting of 0 lifts RATE_LIMIT', { rateLimit: 0 }, 60, none],
    ['a plan goes before RATE_LIMIT', { plan: 'trial' }, 7, plans['trial'] ?? {}],
    ['a setting goes before the plan', { plan: 'large', storageLimit: 9 }, 7, { ...plans['large'], storageLimit: 9 }],
    [
      'a setting of 0 lifts a limit of the plan',
      { plan: 'trial', totalRateLimit: 0 },
      7,
      { ...plans['trial'], totalRateLimit: 0 },
    ],
  ])('%s', (_, settings, rateLimit, expected) => {
    expect(limitsOf(settings, rateLimit)).toEqual(expected);
  });

  test.each(['gold', 'constructor', ''])('a plan "%s" that is not known is refused', (plan) => {
    expect(() => limitsOf({ plan }, 0)).toThrow('is not known');
  });
});

test('a laboratory whose plan is not known is closed until its operator sets one', async () => {
  const lab = await makeLaboratory({ settings: { plan: 'gold' } });
  const answer = await lab.fetch('Patient');
  expect(answer.status).toBe(503);
  expect(sentence((await answer.json()) as Json)).toContain('"gold"');
});

async function statuses(lab: Laboratory, count: number, path = 'Patient?_count=0'): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await lab.fetch(path)).status);
  return found;
}

const refused = (found: readonly number[]): number => found.filter((status) => status === 429).length;

/** A minute that ends among the requests of a test would let more through. */
async function earlyInAMinute(): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 20_000) await new Promise((done) => setTimeout(done, left + 50));
}

describe('requests a minute of a laboratory', () => {
  beforeAll(earlyInAMinute, 30_000);

  test('all callers share them, and are told so', async () => {
    const lab = await makeLaboratory({ settings: { totalRateLimit: 6 } });
    const other = await signIn(lab.tenant, 'system/*.cruds', 'another');
    expect(refused(await statuses(lab, 4))).toBe(0);
    expect(refused(await statuses(other, 4))).toBe(2);
    const answer = await lab.fetch('Patient');
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(sentence((await answer.json()) as Json)).toContain('6 requests in a minute of all callers');
  });

  test('what the limit of one caller refuses does not use up what all have', async () => {
    const lab = await makeLaboratory({ settings: { rateLimit: 3, totalRateLimit: 10 } });
    expect(refused(await statuses(lab, 20))).toBe(17);
    const other = await signIn(lab.tenant, 'system/*.cruds', 'another');
    expect(refused(await statuses(other, 3))).toBe(0);
  });

  test('callers who are not signed in cannot use them up', async () => {
    const lab = await makeLaboratory({ settings: { totalRateLimit: 3 } });
    for (let i = 0; i < 6; i++) {
      expect((await fetch(`${lab.base}/metadata`)).status).toBe(200);
      expect((await fetch(`${lab.base}/Patient`, { headers: { authorization: 'Bearer x' } })).status).toBe(401);
    }
    expect(refused(await statuses(lab, 3))).toBe(0);
  });

  test('another laboratory does not feel it', async () => {
    const [lab, other] = await Promise.all([makeLaboratory({ settings: { totalRateLimit: 1 } }), makeLaboratory()]);
    expect(refused(await statuses(lab, 5))).toBe(4);
    expect(refused(await statuses(other, 5))).toBe(0);
  });
});

const json = { 'content-type': 'application/fhir+json' };

function send(lab: Laboratory, method: string, path: string, body?: unknown, type = json): Promise<Response> {
  return lab.fetch(path, { method, headers: type, ...(body !== undefined && { body: JSON.stringify(body) }) });
}

const patient = { resourceType: 'Patient', active: true };
const bundle = (type: string, method: string, url: string, resource?: Json): Json => ({
  resourceType: 'Bundle',
  type,
  entry: [{ request: { method, url }, ...(resource && { resource }) }],
});

/** The server remembers a laboratory for 2 s. */
async function set(lab: Laboratory, settings: TenantSettings): Promise<void> {
  await changeTenantSettings(testDatabase(), lab.tenant.name, settings);
  await new Promise((done) => setTimeout(done, 2_100));
}

describe('storage', () => {
  let full: Laboratory;
  beforeAll(async () => {
    full = await makeLaboratory();
    for (const id of ['a', 'b', 'c', 'd']) await send(full, 'PUT', `Patient/${id}`, { ...patient, id });
    await send(full, 'PUT', 'Binary/file', {
      resourceType: 'Binary',
      id: 'file',
      contentType: 'text/plain',
      data: 'eHg=',
    });
    await set(full, { storageLimit: 100 });
  });

  const meta = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }] };
  const jsonPatch = { 'content-type': 'application/json-patch+json' };
  const change = [{ op: 'add', path: '/gender', value: 'other' }];

  test.each<[string, (lab: Laboratory) => Promise<Response>]>([
    ['create', (lab) => send(lab, 'POST', 'Patient', patient)],
    ['update as create', (lab) => send(lab, 'PUT', 'Patient/new', { ...patient, id: 'new' })],
    ['update', (lab) => send(lab, 'PUT', 'Patient/a', { ...patient, id: 'a', gender: 'other' })],
    ['conditional update', (lab) => send(lab, 'PUT', 'Patient?gender=female', patient)],
    ['patch', (lab) => send(lab, 'PATCH', 'Patient/a', change, jsonPatch)],
    ['$meta-add', (lab) => send(lab, 'POST', 'Patient/a/$meta-add', meta)],
    ['a file', (lab) => lab.fetch('Binary', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' })],
    [
      'a new file',
      (lab) => lab.fetch('Binary/file', { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: 'x' }),
    ],
    ['transaction', (lab) => send(lab, 'POST', '', bundle('transaction', 'POST', 'Patient', patient))],
  ])('full: %s is refused', async (_, write) => {
    const answer = await write(full);
    expect(answer.status).toBe(507);
    const outcome = (await answer.json()) as Json;
    expect(outcome['issue']).toMatchObject([{ severity: 'error', code: 'business-rule' }]);
    expect(sentence(outcome)).toMatch(/storage of this laboratory is full: it has \d+ of 100 bytes/);
  });

  test('full: the entry of a batch is refused, its reads are answered', async () => {
    const both = bundle('batch', 'POST', 'Patient', patient);
    (both['entry'] as Json[]).push({ request: { method: 'GET', url: 'Patient/a' } });
    const answer = (await (await send(full, 'POST', '', both)).json()) as { entry: { response: { status: string } }[] };
    expect(answer.entry.map(({ response }) => response.status.slice(0, 3))).toEqual(['507', '200']);
  });

  test.each<[string, number, (lab: Laboratory) => Promise<Response>]>([
    ['read', 200, (lab) => lab.fetch('Patient/a')],
    ['search', 200, (lab) => lab.fetch('Patient')],
    ['history', 200, (lab) => lab.fetch('_history')],
    ['the content of a file', 200, (lab) => lab.fetch('Binary/file')],
    ['$validate', 200, (lab) => send(lab, 'POST', 'Patient/$validate', patient)],
    ['delete', 204, (lab) => send(lab, 'DELETE', 'Patient/b')],
    ['conditional delete', 204, (lab) => send(lab, 'DELETE', 'Patient?_id=c')],
    ['delete in a transaction', 200, (lab) => send(lab, 'POST', '', bundle('transaction', 'DELETE', 'Patient/d'))],
  ])('full: %s goes on', async (_, status, request) => {
    expect((await request(full)).status).toBe(status);
  });

  test('a file that does not fit is not kept', async () => {
    const lab = await makeLaboratory({ settings: { storageLimit: 50_000 } });
    const put = (length: number): Promise<Response> =>
      lab.fetch('Binary', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(length) });
    expect((await put(40_000)).status).toBe(201);
    expect((await put(20_000)).status).toBe(507);
    expect((await put(5_000)).status).toBe(201);
    expect(((await (await lab.fetch('Binary?_summary=count')).json()) as Json)['total']).toBe(2);
  });

  test('a transaction that does not fit writes nothing; a smaller one does', async () => {
    const lab = await makeLaboratory({ settings: { storageLimit: 2_000 } });
    const entries = (count: number): Json => ({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: Array.from({ length: count }, () => ({ request: { method: 'POST', url: 'Patient' }, resource: patient })),
    });
    expect((await send(lab, 'POST', '', entries(40))).status).toBe(507);
    expect((await send(lab, 'POST', '', entries(10))).status).toBe(200);
    expect(((await (await lab.fetch('Patient?_summary=count')).json()) as Json)['total']).toBe(10);
  });

  test('a higher limit opens it again', async () => {
    const lab = await makeLaboratory({ settings: { storageLimit: 50 } });
    expect((await send(lab, 'POST', 'Patient', patient)).status).toBe(507);
    await set(lab, { storageLimit: 5_000 });
    expect((await send(lab, 'POST', 'Patient', patient)).status).toBe(201);
  });

  test('it is the limit of one laboratory, not of another', async () => {
    expect(
      (await send(await makeLaboratory({ settings: { storageLimit: 5_000 } }), 'POST', 'Patient', patient)).status,
    ).toBe(201);
  });
});
