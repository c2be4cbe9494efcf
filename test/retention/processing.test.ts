/** $processing-record: what it says is read from the running system, and changes with it; sub-processors; the page. */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { registerClient } from '../../src/accounts/clients.ts';
import { administrationBy } from '../../src/command/note.ts';
import { measuresOf, openMeasures, type Facts } from '../../src/processing/measures.ts';
import { changeTenantSettings, type TenantSettings } from '../../src/store/tenants.ts';
import { eventsOf } from '../audit/log.ts';
import { undisturbed } from '../audit/owner.ts';
import { parameters, put, send } from '../erasure/laboratory.ts';
import { makePerson } from '../identity/app.ts';
import { signIn, testDatabase } from '../server.ts';
import { announced, applied, laboratory, partsOf, type Kept } from './laboratory.ts';

type Measures = Record<string, string>;

/** `on`, or `on 12/12` with what was read. */
async function measuresIn(lab: Kept): Promise<Measures> {
  const answer = await send(lab.dpo, 'GET', '$processing-record');
  return Object.fromEntries(
    partsOf(answer, 'measure').map(({ name, state, detail }) => [
      String(name),
      detail === undefined ? String(state) : `${String(state)} ${String(detail)}`,
    ]),
  );
}

const facts: Facts = {
  now: Date.parse('2026-01-01T00:01:00Z'),
  guards: { tables: 9, guarded: 9, bound: true, logChangeable: false, encrypted: true },
  log: { sealed: '2026-01-01T00:00:00.000Z', oldestOpen: '2026-01-01T00:00:59.000Z' },
  stored: { files: 2, keys: 1, restrictions: 0 },
  tls: 'served',
  factorRoles: ['pathologist'],
  factorAccounts: { with: 2, without: 0 },
  passwordLength: 12,
  accessTokenMinutes: 5,
  consentDefault: 'deny',
  dynamicRegistration: false,
  rateLimit: 60,
  feeds: 1,
  retained: '2025-12-31T00:00:00.000Z',
  holds: 0,
};

describe('each measure follows its fact', () => {
  const stateOf = (given: Facts, name: string): string | undefined =>
    measuresOf(given).find((measure) => measure.name === name)?.state;

  test.each<[string, Partial<Facts>, string]>([
    ['isolation', { guards: { ...facts.guards, guarded: 8 } }, 'off'],
    ['isolation', { guards: { ...facts.guards, bound: false } }, 'off'],
    ['file-encryption', { stored: { files: 1, keys: 0, restrictions: 0 } }, 'off'],
    ['file-encryption', { stored: { files: 0, keys: 0, restrictions: 0 } }, 'unknown'],
    ['tls', { tls: 'declared' }, 'unknown'],
    ['tls', { tls: 'none' }, 'off'],
    ['database-connection', { guards: { ...facts.guards, encrypted: false } }, 'off'],
    ['second-factor', { factorRoles: [] }, 'off'],
    ['second-factor-enrolled', { factorAccounts: { with: 1, without: 1 } }, 'off'],
    ['second-factor-enrolled', { factorAccounts: { with: 0, without: 0 } }, 'unknown'],
    ['short-tokens', { accessTokenMinutes: 60 }, 'off'],
    ['consent-first', { consentDefault: 'permit' }, 'off'],
    ['registered-applications', { dynamicRegistration: true }, 'off'],
    ['rate-limit', { rateLimit: 0 }, 'off'],
    ['log-append-only', { guards: { ...facts.guards, logChangeable: true } }, 'off'],
    ['log-sealed', { log: { sealed: undefined, oldestOpen: undefined } }, 'off'],
    ['log-sealed', { log: { sealed: facts.log.sealed, oldestOpen: '2025-12-31T00:00:00Z' } }, 'off'],
    ['log-copies', { feeds: 0 }, 'off'],
    ['retention', { retained: undefined }, 'off'],
  ])('%s %j', (name, changed, state) => {
    expect(stateOf(facts, name)).toBe('on');
    const after = { ...facts, ...changed };
    expect(stateOf(after, name)).toBe(state);
    expect(openMeasures(measuresOf(after)).map((measure) => measure.name)).toContain(name);
  });

  test('what the server cannot see is never on', () => {
    for (const name of ['backups', 'database-encryption', 'premises', 'training']) {
      expect([name, stateOf(facts, name)]).toEqual([name, 'unknown']);
    }
  });
});

test('settings that are switched change the document', async () => {
  const lab = await laboratory();
  const before = await measuresIn(lab);
  expect(before).toMatchObject({
    'second-factor': expect.stringMatching(/^on .*pathologist/),
    'password-length': 'on 12',
    'consent-first': 'off permit',
    'registered-applications': 'on',
    'short-tokens': 'on 5',
    'rate-limit': 'off',
    backups: 'unknown',
    tls: 'off',
    retention: 'off',
  });
  const settings: TenantSettings = {
    secondFactorRoles: [],
    passwordLength: 16,
    consentDefault: 'deny',
    dynamicRegistration: true,
    accessTokenMinutes: 60,
    rateLimit: 500,
    controller: 'Laboratory of Sfax, contact@example.org',
    residency: ['TN'],
  };
  await changeTenantSettings(testDatabase(), lab.tenant.name, settings);
  let after = await measuresIn(lab);
  for (let tries = 0; tries < 60 && after['password-length'] !== 'on 16'; tries++) {
    await pause(100);
    after = await measuresIn(lab);
  }
  expect(after).toMatchObject({
    'second-factor': 'off',
    'password-length': 'on 16',
    'consent-first': 'on deny',
    'registered-applications': 'off',
    'short-tokens': 'off 60',
    'rate-limit': 'on 500',
  });
  await applied(lab, (await announced(lab)).id);
  expect((await measuresIn(lab))['retention']).toMatch(/^on 20/);
  const answer = await send(lab.dpo, 'GET', '$processing-record');
  expect(answer['parameter']).toEqual(
    expect.arrayContaining([
      { name: 'controller', valueString: settings.controller },
      { name: 'residency', valueCode: 'TN' },
    ]),
  );
}, 60_000);

test('row level security and grants are read from the database', async () => {
  const lab = await laboratory();
  await undisturbed(async (owner) => {
    const before = await measuresIn(lab);
    const [, guarded, tables] = /^on (\d+)\/(\d+)$/.exec(before['isolation'] ?? '') ?? [];
    expect(Number(tables)).toBeGreaterThan(30);
    expect(guarded).toBe(tables);
    expect(before['log-append-only']).toBe('on');
    await owner.query('alter table usage no force row level security');
    await owner.query('grant update on audit_removal to makhbar_app');
    try {
      const open = await measuresIn(lab);
      expect(open['isolation']).toBe(`off ${Number(tables) - 1}/${tables}`);
      expect(open['log-append-only']).toBe('off');
    } finally {
      await owner.query('alter table usage force row level security');
      await owner.query('revoke update on audit_removal from makhbar_app');
    }
    expect(await measuresIn(lab)).toMatchObject({ isolation: before['isolation'], 'log-append-only': 'on' });
  });
}, 60_000);

test('what is held, who receives it, how long it is kept; nothing of another laboratory', async () => {
  const [lab, other] = [await laboratory(), await laboratory()];
  for (const id of ['a', 'b']) await put(lab, { resourceType: 'Patient', id });
  await put(lab, { resourceType: 'Invoice', id: 'i', status: 'draft' });
  const connectionType = {
    code: 'hl7v2-mllp',
    system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type',
  };
  const payloadType = [{ text: 'results' }];
  const endpoint = { resourceType: 'Endpoint', connectionType, payloadType, address: 'mllp://ward.example.org' };
  await put(lab, { ...endpoint, id: 'ward', status: 'active', name: 'Ward' });
  await put(lab, { ...endpoint, id: 'gone', status: 'off' });
  await put(other, { resourceType: 'Patient', id: 'c' });
  const administration = administrationBy(testDatabase(), lab.tenant, {
    kind: 'client-changed',
    deed: 'makhbar client add',
  });
  await registerClient(administration, {
    id: 'portal',
    kind: 'public',
    name: 'Portal',
    scopes: 'patient/*.rs',
    metadata: { redirectUris: ['https://portal.example.org/'] },
  });
  await makePerson(lab.tenant, { roles: ['pathologist'] });
  await send(
    lab.dpo,
    'POST',
    '$retention-rule-set',
    parameters({ category: 'usage', period: 'P5Y', basis: 'Tax law' }),
  );
  const answer = await send(lab.dpo, 'GET', '$processing-record');
  expect(partsOf(answer, 'activity')).toEqual([
    expect.objectContaining({ purpose: 'identification', data: { type: 'Patient', count: 2 } }),
    expect.objectContaining({ purpose: 'billing', data: { type: 'Invoice', count: 1 } }),
    expect.objectContaining({ purpose: 'catalogue', subjects: 'nobody', data: { type: 'Endpoint', count: 2 } }),
  ]);
  expect(partsOf(answer, 'recipient')).toEqual([
    expect.objectContaining({ kind: 'application', id: 'portal', scope: 'patient/*.rs' }),
    expect.objectContaining({ kind: 'interface', id: 'ward', name: 'Ward', scope: 'mllp://ward.example.org' }),
  ]);
  expect(partsOf(answer, 'retention').find(({ category }) => category === 'usage')).toMatchObject({
    period: 'P5Y',
    basis: 'Tax law',
  });
  expect(partsOf(answer, 'impact')[0]).toMatchObject({ patients: 2, records: 5, accounts: 1 });
  expect((await measuresIn(lab))['second-factor-enrolled']).toBe('off 0/1');
}, 60_000);

describe('sub-processors', () => {
  const given = {
    name: 'Cloud & Co <b>',
    service: 'hosting',
    country: 'FR',
    noticed: '2026-01-01',
    objectUntil: '2099-01-31',
    starts: '2099-02-01',
  };

  test('are listed with their notice, objected to in time, and end', async () => {
    const lab = await laboratory();
    await send(lab.dpo, 'POST', '$sub-processor-set', parameters(given));
    await send(lab.dpo, 'POST', '$sub-processor-object', parameters({ name: given.name, reason: 'not there' }));
    const answer = await send(lab.dpo, 'GET', '$processing-record');
    expect(partsOf(answer, 'subProcessor')).toEqual([expect.objectContaining({ ...given, objection: 'not there' })]);
    expect(partsOf(answer, 'transfer')).toEqual([expect.objectContaining({ country: 'FR' })]);
    const page = await lab.dpo.fetch('$processing-record', { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain('Cloud &amp; Co &lt;b&gt;');
    await send(lab.dpo, 'POST', '$sub-processor-end', parameters({ name: given.name }));
    expect(partsOf(await send(lab.dpo, 'GET', '$processing-record'), 'subProcessor')).toEqual([]);
    const kinds = (await eventsOf(lab)).filter(({ kind }) => kind === 'sub-processor-changed');
    expect(kinds.map(({ deed }) => deed)).toEqual([
      '$sub-processor-set',
      '$sub-processor-object',
      '$sub-processor-end',
    ]);
  }, 60_000);

  test.each([
    ['$sub-processor-set', { ...given, country: 'France' }, 400],
    ['$sub-processor-set', { ...given, starts: '2026-02-31' }, 400],
    ['$sub-processor-set', { ...given, starts: '2026-01-02' }, 422],
    ['$sub-processor-object', { name: 'nobody', reason: 'why' }, 404],
    ['$sub-processor-end', { name: 'nobody' }, 404],
  ])('%s %j is refused', async (path, what, status) => {
    const lab = await laboratory();
    const post = { method: 'POST', headers: { 'content-type': 'application/fhir+json' } };
    expect((await lab.dpo.fetch(path, { ...post, body: JSON.stringify(parameters(what)) })).status).toBe(status);
  });

  test('an objection comes too late', async () => {
    const lab = await laboratory();
    const past = { ...given, objectUntil: '2026-01-31', starts: '2026-02-01' };
    await send(lab.dpo, 'POST', '$sub-processor-set', parameters(past));
    await expect(
      send(lab.dpo, 'POST', '$sub-processor-object', parameters({ name: given.name, reason: 'why' })),
    ).rejects.toThrow(/422.*until 2026-01-31/s);
  });
});

test.each([
  ['en', /<html lang="en" dir="ltr">/, 'Record of processing activities', 'not known to the server'],
  ['fr', /<html lang="fr" dir="ltr">/, 'Registre des activités de traitement', 'inconnue du serveur'],
  ['ar', /<html lang="ar" dir="rtl">/, 'سجل أنشطة المعالجة', 'غير معروف للخادم'],
])('as a page in %s', async (language, root, ...words) => {
  const lab = await laboratory();
  const response = await lab.dpo.fetch(`$processing-record?_language=${language}`, {
    headers: { accept: 'text/html' },
  });
  expect([response.status, response.headers.get('content-language')]).toEqual([200, language]);
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  const page = await response.text();
  expect(page).toMatch(root);
  for (const word of words) expect(page).toContain(word);
  expect(page).not.toMatch(/undefined|\[object/);
});

test('who may ask', async () => {
  const lab = await laboratory();
  expect((await lab.fetch('$processing-record')).status).toBe(403);
  expect((await (await signIn(lab.tenant, 'manage/privacy')).fetch('$processing-record')).status).toBe(200);
});
