/**
 * What bad input gets: each is refused with a sentence that names the rule and the state, and nothing of the laboratory changes,
 * whichever way it comes: a step, or a plain write of what the steps lead on.
 */
import { createPublicKey, randomBytes, verify, type JsonWebKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { passwordAcr, secondFactorAcr } from '../../src/access/authentication.ts';
import { shippedRoles } from '../../src/access/roles.ts';
import { parseJson, type JsonObject } from '../../src/fhir/json.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { shared } from '../../src/start/http.ts';
import { anyVerificationKey } from '../../src/store/signing-keys.ts';
import { createTenant } from '../../src/store/tenants.ts';
import { checkPlainWrite } from '../../src/laboratory/kept.ts';
import { extensionUrl, objects } from '../../src/laboratory/terms.ts';
import { canonicalForm, signedProvenance, signedText } from '../../src/operations/laboratory/results/signature.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { sql } from '../../src/store/sql.ts';
import { signIn, testDatabase, testServer, type Laboratory } from '../server.ts';
import {
  addPatient,
  done,
  found,
  laboratoryWithCatalogue,
  parameters,
  resourcesOf,
  said,
  send,
  type Said,
} from './laboratory.ts';

interface Scene {
  readonly specimen: string;
  readonly order: string;
  readonly result: string;
  readonly report: string;
}

let lab: Laboratory;
/** Its people: one who shows no second factor, one who showed it an hour ago, one who only enters. */
let people: Record<'password' | 'stale' | 'technician', Laboratory>;
let released: Scene;
let reviewed: Scene;
/** Its specimen is collected, its order has no result. */
let waiting: Scene;
let old: Scene;
let revoked: Scene;

const refer = (resource: JsonObject | undefined): string =>
  `${String(resource?.['resourceType'])}/${String(resource?.['id'])}`;

function entering(specimen: string, ...part: JsonObject[]): JsonObject {
  const parameter = [
    { name: 'specimen', valueReference: { reference: specimen } },
    { name: 'result', part: [{ name: 'analyte', valueString: 'potassium' }, ...part] },
  ];
  return { resourceType: 'Parameters', parameter };
}

async function scene(until: 'collected' | 'received' | 'reviewed' | 'released', time?: string): Promise<Scene> {
  const patient = await addPatient(lab, { gender: 'female', birthDate: '1980-01-01' });
  const [order] = resourcesOf(await done(lab, 'ServiceRequest/$order', { patient, test: 'potassium' }), 'order');
  const [made] = resourcesOf(await done(lab, 'Specimen/$accession', { order: refer(order) }), 'specimen');
  const [specimen, asked] = [refer(made), refer(order)];
  await done(lab, `${specimen}/$collect`, time === undefined ? {} : { time });
  if (until === 'collected') return { specimen, order: asked, result: '', report: '' };
  await done(lab, `${specimen}/$receive`);
  if (until === 'received') return { specimen, order: asked, result: '', report: '' };
  const answer = await send(lab, 'Observation/$enter-results', entering(specimen, { name: 'value', valueString: '4' }));
  const result = refer(resourcesOf(answer.body, 'result')[0]);
  const report = refer(resourcesOf(answer.body, 'report')[0]);
  await done(await second(), 'Observation/$review', { result });
  if (until === 'released') await done(await second(), `${report}/$release`);
  return { specimen, order: asked, result, report };
}

const now = (): number => Math.floor(Date.now() / 1_000);
const second = (): Promise<Laboratory> =>
  signIn(lab.tenant, 'system/*.cruds', 'second', { acr: secondFactorAcr, authTime: now() });

beforeAll(async () => {
  lab = await laboratoryWithCatalogue({ settings: { fourEyes: true, releaseFactorMinutes: 15, multipleDelete: true } });
  const roleScopes = shippedRoles.get('technician')?.scopes ?? [];
  people = {
    password: await signIn(lab.tenant, 'system/*.cruds', 'p', { acr: passwordAcr, authTime: now() }),
    stale: await signIn(lab.tenant, 'system/*.cruds', 's', { acr: secondFactorAcr, authTime: now() - 3_600 }),
    technician: await signIn(lab.tenant, 'user/*.cruds', 'tarek', {
      ...{ roles: ['technician'], roleScopes, consent: 'exempt', acr: secondFactorAcr, authTime: now() },
    }),
  };
  released = await scene('released');
  reviewed = await scene('reviewed');
  waiting = await scene('collected');
  old = await scene('collected', new Date(Date.now() - 30 * 3_600_000).toISOString());
  revoked = await scene('received');
  await done(lab, `${revoked.order}/$cancel`, { reason: 'asked by mistake' });
  const { specimen } = await scene('received');
  const answer = await send(
    lab,
    'Observation/$enter-results',
    entering(specimen, { name: 'value', valueString: '7.5' }),
  );
  const critical = refer(resourcesOf(answer.body, 'result')[0]);
  await done(lab, `${critical}/$call-back`, { receiver: 'Dr Haddad', readBack: true });
}, 180_000);

/** All versions of all resources of the laboratory. */
async function versions(): Promise<unknown> {
  const id = lab.tenant.id;
  return sessionOf(testDatabase(), id).query(
    sql`select count(*)::int as count, max(last_updated)::text as latest from resource_version where tenant_id = ${id}`,
  );
}

async function read(name: string): Promise<JsonObject> {
  return (await (await lab.fetch(name)).json()) as JsonObject;
}

/** The resource as it is now, changed, and put in its place. */
async function put(name: string, change: JsonObject, path = name): Promise<Said> {
  return send(lab, path, { ...(await read(name)), ...change }, 'PUT');
}

async function patch(name: string, operations: JsonObject[]): Promise<Said> {
  const headers = { 'content-type': 'application/json-patch+json' };
  return said(await lab.fetch(name, { method: 'PATCH', headers, body: JSON.stringify(operations) }));
}

const without = (resource: JsonObject, member: string): JsonObject =>
  Object.fromEntries(Object.entries(resource).filter(([name]) => name !== member));

const remove = async (path: string): Promise<Said> => said(await lab.fetch(path, { method: 'DELETE' }));

function transaction(...entry: JsonObject[]): Promise<Said> {
  return send(lab, '', { resourceType: 'Bundle', type: 'transaction', entry });
}

const value = (content: JsonObject): JsonObject => ({ name: 'value', ...content });
const potassium = (specimen: string, content: JsonObject): Promise<Said> =>
  send(lab, 'Observation/$enter-results', entering(specimen, value(content)));
const release = (at: Laboratory, report: string): Promise<Said> => send(at, `${report}/$release`, parameters({}));

type Refused = [name: string, attempt: () => Promise<Said>, status: number, sentence: RegExp];

const steps: Refused[] = [
  [
    'a test that is unknown',
    async () =>
      send(lab, 'ServiceRequest/$order', parameters({ patient: await subjectOf(waiting.order), test: 'moonshine' })),
    422,
    /moonshine/,
  ],
  [
    'the wrong container',
    () => send(lab, `${waiting.specimen}/$receive`, parameters({ container: 'edta' })),
    422,
    /arrived in "edta", but its tests need/,
  ],
  [
    'a specimen that is too old',
    () => send(lab, `${old.specimen}/$receive`, parameters({})),
    422,
    /no more than 24 hours/,
  ],
  [
    'a result for an order that was taken back',
    () => potassium(revoked.specimen, { valueString: '4' }),
    409,
    /is revoked/,
  ],
  [
    'a unit that cannot be converted',
    () => potassium(reviewed.specimen, { valueQuantity: { value: 4, code: 's' } }),
    422,
    /cannot be converted/,
  ],
  [
    'a value that cannot be',
    () => potassium(reviewed.specimen, { valueString: '44' }),
    422,
    /outside of what is possible/,
  ],
  ['a second entry', () => potassium(released.specimen, { valueString: '5' }), 409, /is released: the step enter/],
  ['a second release', async () => release(await second(), released.report), 409, /is final: the step release/],
  ['a release without a second factor', () => release(people.password, reviewed.report), 401, /second factor/],
  ['a release with one of an hour ago', () => release(people.stale, reviewed.report), 401, /last 15 minutes/],
  ['a release by a technician', () => release(people.technician, reviewed.report), 403, /scopes do not allow/],
  [
    'a step that the specimen is not ready for',
    () => send(lab, `${waiting.specimen}/$store`, parameters({ location: { reference: 'Location/1' } })),
    409,
    /is collected: the step store/,
  ],
];

async function subjectOf(order: string): Promise<JsonObject> {
  return (await read(order))['subject'] as JsonObject;
}

const stateOfOrder = (progress: string): JsonObject => ({
  extension: [{ url: extensionUrl('order-progress'), valueCode: progress }],
});
const stateOf = (name: 'specimen-state' | 'result-state', state: string): JsonObject => ({
  extension: [{ url: extensionUrl(name), valueCode: state }],
});
const observation = {
  ...{ resourceType: 'Observation', status: 'final', code: { text: 'potassium' } },
  valueQuantity: { value: 4 },
};

const plain: Refused[] = [
  ['DELETE of a released report', () => remove(released.report), 409, /is final and is not deleted/],
  ['DELETE of a released result', () => remove(released.result), 409, /is released and is not deleted/],
  ['DELETE of its specimen', () => remove(released.specimen), 409, /is received and is not deleted/],
  ['DELETE of its order', () => remove(released.order), 409, /is accessioned and is not deleted/],
  [
    'conditional DELETE',
    () => remove(`DiagnosticReport?_id=${released.report.slice('DiagnosticReport/'.length)}`),
    409,
    /is final and is not deleted/,
  ],
  [
    'DELETE in a transaction',
    () => transaction({ request: { method: 'DELETE', url: released.result } }),
    409,
    /is released and is not deleted/,
  ],
  ['PUT of an earlier status', () => put(released.report, { status: 'preliminary' }), 409, /is final: its status/],
  [
    'PUT in a transaction',
    async () =>
      transaction({
        resource: { ...(await read(released.report)), conclusion: 'all is well' },
        request: { method: 'PUT', url: released.report },
      }),
    409,
    /is final: its conclusion is changed by/,
  ],
  [
    'conditional PUT',
    () =>
      put(released.result, { status: 'amended' }, `Observation?_id=${released.result.slice('Observation/'.length)}`),
    409,
    /is released: its status/,
  ],
  [
    'PUT of one more digit',
    async () => {
      const text = await (await lab.fetch(released.result)).text();
      const body = text.replace(/("value":\s*)4\.0\b/, '$14.00');
      expect(body).not.toBe(text);
      const headers = { 'content-type': 'application/fhir+json' };
      return said(await lab.fetch(released.result, { method: 'PUT', headers, body }));
    },
    409,
    /is released: its valueQuantity/,
  ],
  [
    'PUT without the marks',
    async () => send(lab, released.result, without(await read(released.result), 'extension'), 'PUT'),
    409,
    /is released: its extension/,
  ],
  [
    'PATCH that releases',
    () => patch(reviewed.result, [{ op: 'replace', path: '/status', value: 'final' }]),
    409,
    /is reviewed: its status is changed by .*\$release/,
  ],
  [
    'PATCH of what was reviewed',
    () => patch(reviewed.result, [{ op: 'replace', path: '/valueQuantity/value', value: 3 }]),
    409,
    /is reviewed: its valueQuantity/,
  ],
  [
    'PATCH that forges a step',
    () => patch(reviewed.result, [{ op: 'replace', path: '/extension/0/valueCode', value: 'approved' }]),
    409,
    /is reviewed: its extension/,
  ],
  [
    'PUT of the state of a specimen',
    () => put(waiting.specimen, stateOf('specimen-state', 'received')),
    409,
    /is collected: its extension/,
  ],
  ['PUT of its status', () => put(waiting.specimen, { status: 'unavailable' }), 409, /is collected: its status/],
  [
    'PUT that opens an order',
    () => put(revoked.order, { status: 'active' }),
    409,
    /is revoked and does not become active/,
  ],
  [
    'PUT of another definition of an order',
    () => put(waiting.order, { instantiatesCanonical: ['urn:makhbar:catalogue:test:glucose'] }),
    409,
    /its instantiatesCanonical/,
  ],
  [
    'POST of a result with a state',
    () => send(lab, 'Observation', { ...observation, ...stateOf('result-state', 'approved') }),
    422,
    /The extension result-state of Observation is written by/,
  ],
  [
    'PUT of a new specimen with a state',
    () =>
      send(
        lab,
        'Specimen/forged',
        { resourceType: 'Specimen', id: 'forged', ...stateOf('specimen-state', 'stored') },
        'PUT',
      ),
    422,
    /The extension specimen-state of Specimen is written by/,
  ],
];

const due = (name: string): Promise<Said> =>
  put(name, { extension: [{ url: extensionUrl('due'), valueDateTime: '2099-01-01T00:00:00Z' }] });
const firstOf = async (query: string): Promise<JsonObject> => (await found(lab, query))[0] ?? {};
const signature = (): Promise<JsonObject> => firstOf(`Provenance?target=${released.report}`);
const custody = (): Promise<JsonObject> => firstOf(`Provenance?target=${released.specimen}`);
const call = (): Promise<JsonObject> =>
  firstOf('Communication?category=urn:makhbar:task|critical-result&status=completed');
const order = { resourceType: 'ServiceRequest', status: 'active', intent: 'order', code: { text: 'potassium' } };
const anew = async (one: () => Promise<JsonObject>): Promise<Said> => {
  const { id: _id, meta: _meta, ...rest } = await one();
  return send(lab, String(rest['resourceType']), rest);
};

const records: Refused[] = [
  ['PUT of when an order is due', () => due(released.order), 409, /is accessioned: its extension is changed by/],
  [
    'PUT of how far it is',
    () => put(released.order, stateOfOrder('received')),
    409,
    /is accessioned: its extension is changed by/,
  ],
  [
    'POST of an order that says how far it is',
    async () =>
      send(lab, 'ServiceRequest', { ...order, subject: await subjectOf(waiting.order), ...stateOfOrder('measured') }),
    422,
    /The extension order-progress of ServiceRequest is written by/,
  ],
  [
    'PATCH of the signature of a release',
    async () => patch(refer(await signature()), [{ op: 'remove', path: '/signature' }]),
    409,
    /is recorded: its signature is changed by/,
  ],
  ['DELETE of it', async () => remove(refer(await signature())), 409, /is recorded and is not deleted/],
  [
    'DELETE of it in a transaction',
    async () => transaction({ request: { method: 'DELETE', url: refer(await signature()) } }),
    409,
    /is recorded and is not deleted/,
  ],
  ['POST of a release', () => anew(signature), 422, /The Provenance of a step of the laboratory is made by/],
  ['DELETE of a link of the chain of custody', async () => remove(refer(await custody())), 409, /is not deleted/],
  [
    'PUT of who was told a critical result',
    async () => put(refer(await call()), { recipient: [{ display: 'Dr Other' }] }),
    409,
    /is completed: its recipient is changed by/,
  ],
  [
    'PATCH of what it says that it is',
    async () => patch(refer(await call()), [{ op: 'remove', path: '/category' }]),
    409,
    /is completed: its category is changed by/,
  ],
  ['DELETE of the call', async () => remove(refer(await call())), 409, /is completed and is not deleted/],
  ['POST of a call', () => anew(call), 422, /A Communication that tells a critical result is made by \$call-back/],
];

test.each([...steps, ...plain, ...records])(
  '%s is refused, and nothing changes',
  async (_, attempt, status, sentence) => {
    const before = await versions();
    const answer = await attempt();
    expect([answer.status, answer.said]).toEqual([status, expect.stringMatching(sentence)]);
    expect(await versions()).toEqual(before);
  },
);

test('who entered a result and shows a second factor does not release it alone', async () => {
  const fresh = await signIn(lab.tenant, 'system/*.cruds', 'alone', { acr: secondFactorAcr, authTime: now() });
  const { specimen } = await scene('received');
  const entry = await send(fresh, 'Observation/$enter-results', entering(specimen, value({ valueString: '4' })));
  const report = refer(resourcesOf(entry.body, 'report')[0]);
  await done(fresh, 'Observation/$review', { result: refer(resourcesOf(entry.body, 'result')[0]) });
  const before = await versions();
  const answer = await release(fresh, report);
  expect([answer.status, answer.said]).toEqual([409, expect.stringContaining('was entered by you')]);
  expect(await versions()).toEqual(before);
});

describe('what goes on', () => {
  test.each<[string, () => Promise<Said>]>([
    [
      'a label of a released result',
      () => patch(released.result, [{ op: 'add', path: '/meta/tag', value: [{ code: 'a' }] }]),
    ],
    ['the same once more', () => put(released.report, {})],
    ['an order on hold', () => put(waiting.order, { status: 'on-hold' })],
    ['and back', () => put(waiting.order, { status: 'active' })],
    [
      'a label of a signature',
      async () => patch(refer(await signature()), [{ op: 'add', path: '/meta/tag', value: [{ code: 'a' }] }]),
    ],
    ['a note at an order', () => put(released.order, { note: [{ text: 'seen' }] })],
    ['a note at a specimen', () => put(waiting.specimen, { note: [{ text: 'on ice' }] })],
  ])('%s', async (_, attempt) => {
    const answer = await attempt();
    expect([answer.status, answer.said]).toEqual([200, '']);
  });

  test('results of elsewhere are written as FHIR says', async () => {
    const { body } = await send(lab, 'Observation', observation);
    const name = refer(body);
    expect((await put(name, { status: 'amended', valueQuantity: { value: 5 } })).status).toBe(200);
    expect((await put(name, { status: 'preliminary' })).status).toBe(200);
    expect((await remove(name)).status).toBe(204);
  });

  test('an import brings what a laboratory released, and writes nothing over it', () => {
    const after = { ...observation, id: '1', ...stateOf('result-state', 'released') };
    const write = { name: 'Observation/1', moves: false, brings: true };
    expect(() => checkPlainWrite({ ...write, after })).not.toThrow();
    expect(() => checkPlainWrite({ ...write, before: after, after })).not.toThrow();
    expect(() => checkPlainWrite({ ...write, before: after, after: { ...after, status: 'amended' } })).toThrow(
      'Observation/1 is released: its status is changed by',
    );
  });
});

describe('the signature of a release', () => {
  test('is of the digits as they were written: it holds for what is read, and for no other digit', async () => {
    const [provenance] = await found(lab, `Provenance?target=${released.result}`);
    const [signature = {}] = objects(provenance?.['signature']);
    expect(signature['targetFormat']).toBe(canonicalForm);
    const [header = '', , signed = ''] = Buffer.from(String(signature['data']), 'base64').toString().split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
    const key = await anyVerificationKey(sessionOf(testDatabase(), lab.tenant.id), kid);
    const jwk = JSON.parse(key?.publicJwk ?? '{}') as JsonWebKey;
    const names = objects(provenance?.['target']).map(({ reference }) => String(reference));
    const texts = await Promise.all(names.map(async (one) => (await lab.fetch(one)).text()));
    const holds = (all: readonly string[]): boolean => {
      const payload = Buffer.from(signedText(all.map((one) => parseJson(one) as JsonObject))).toString('base64url');
      const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
      return verify(null, Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signed, 'base64url'));
    };
    expect(holds(texts)).toBe(true);
    for (const digits of ['4.00', '4', '4.1']) {
      const other = texts.map((one) => one.replace(/("value":\s*)4\.0\b/, `$1${digits}`));
      expect(other).not.toEqual(texts);
      expect([digits, holds(other)]).toEqual([digits, false]);
    }
  });

  test('is refused with a sentence where the laboratory has no key', async () => {
    const tenant = await createTenant(testDatabase(), `t-${randomBytes(8).toString('hex')}`);
    const config = readConfig({ DATA_DIR: testServer().dataDir });
    const server = shared(config, testDatabase(), createLog('silent'));
    await expect(signedProvenance({ server, tenant }, [], {})).rejects.toThrow(
      `${tenant.name} has no key to sign with`,
    );
  });
});
