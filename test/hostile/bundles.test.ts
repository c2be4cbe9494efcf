/** Bundles that turn on the server: nested in themselves, circular, contradictory, or with entries past all measure. */
import { beforeAll, expect, test } from '@jest/globals';
import { connect, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { versionsOf, wrongWith } from './verdict.ts';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

type Json = Record<string, unknown>;

const transaction = (...entry: Json[]): Json => ({ resourceType: 'Bundle', type: 'transaction', entry });
const request = (method: string, url: unknown): Json => ({ request: { method, url } });
const patient = (extra: Json = {}): Json => ({ resourceType: 'Patient', ...extra });
const link = (reference: string): Json => ({ link: [{ other: { reference }, type: 'seealso' }] });
const post = (resource: Json, fullUrl?: string): Json => ({
  ...(fullUrl === undefined ? {} : { fullUrl }),
  resource,
  ...request('POST', resource['resourceType']),
});

/** A Bundle whose entry posts a Bundle whose entry posts a Bundle …, to the place that processes Bundles. */
function inItself(depth: number, type: string): Json {
  let bundle: Json = { resourceType: 'Bundle', type, entry: [] };
  for (let i = 0; i < depth; i++) {
    bundle = { resourceType: 'Bundle', type, entry: [{ resource: bundle, ...request('POST', '') }] };
  }
  return bundle;
}

const one = 'urn:uuid:11111111-1111-4111-8111-111111111111';

const bundles: Readonly<Record<string, Json>> = {
  'a transaction that posts itself': inItself(1, 'transaction'),
  'a transaction in a transaction, 50 deep': inItself(50, 'transaction'),
  'a url that is the base': transaction({ resource: patient(), ...request('POST', '/') }),
  'a url on another server': transaction({
    resource: patient(),
    ...request('POST', 'http://other.example/fhir/Patient'),
  }),
  'a url that climbs': transaction(request('GET', '../../../metrics')),
  'a url that is no text': transaction(request('GET', 7)),
  'a url with a NUL': transaction(request('GET', 'Patient/a\u0000b')),
  'a url with broken escapes': transaction(request('GET', 'Patient?name=%E0%A4%A')),
  'an operation with a body of its own': transaction({ resource: patient(), ...request('POST', '$no-such-operation') }),
  'metadata by DELETE': transaction(request('DELETE', 'metadata')),
  'a whole type by DELETE': transaction(request('DELETE', 'Patient')),
  'a method in lower case': transaction({ resource: patient(), ...request('post', 'Patient') }),
  'an entry that is null': transaction(null as unknown as Json),
  'an entry that is a text': transaction('entry' as unknown as Json),
  'entry that is no array': { resourceType: 'Bundle', type: 'transaction', entry: { resource: patient() } },
  'a response where a request belongs': transaction({ resource: patient(), response: { status: '201' } }),
  'a resource with GET and no sense': transaction({ resource: patient(), ...request('GET', 'Nothing') }),
  'two entries with one fullUrl': transaction(post(patient(), one), post(patient(), one)),
  'a fullUrl that is no URL': transaction(post(patient(), 'not a url')),
  'two updates of one identity': transaction(
    { resource: patient({ id: 'a' }), ...request('PUT', 'Patient/a') },
    { resource: patient({ id: 'a' }), ...request('PUT', 'Patient/a') },
  ),
  'a conditional reference that finds nothing': transaction(post(patient(link('Patient?identifier=nobody')))),
  'a conditional reference without criterion': transaction(post(patient(link('Patient?')))),
  'a conditional reference of another language': transaction(post(patient(link("Patient?name=x' or 1=1 --&_sort=;")))),
  'a conditional reference to a type that does not exist': transaction(post(patient(link('Nothing?a=b')))),
  'conditional references in a circle': transaction(
    post(patient({ ...link('Patient?identifier=circle-2'), identifier: [{ value: 'circle-1' }] })),
    post(patient({ ...link('Patient?identifier=circle-1'), identifier: [{ value: 'circle-2' }], birthDate: 'no' })),
  ),
  'a reference to an entry that is a search': transaction(
    { fullUrl: one, ...request('GET', 'Patient') },
    post(patient({ ...link(one), birthDate: 'no' })),
  ),
  'ifNoneExist that is no query': transaction({
    resource: patient(),
    request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=%%%&&&=' },
  }),
  'ifMatch that is no ETag': transaction({
    resource: patient({ id: 'a' }),
    request: { method: 'PUT', url: 'Patient/a', ifMatch: '"\\' },
  }),
};

test.each(Object.keys(bundles))('%s is refused with a sentence, and nothing is written', async (what) => {
  const before = await versionsOf(client);
  const answer = await client.send('POST', '', { body: bundles[what] });
  expect([answer.status >= 400 ? '' : `accepted: ${answer.text.slice(0, 200)}`, wrongWith(answer)]).toEqual(['', '']);
  expect(await versionsOf(client)).toBe(before);
});

const valid: Readonly<Record<string, Json>> = {
  'references in a circle of two': transaction(
    post(patient(link('urn:uuid:2')), 'urn:uuid:1'),
    post(patient(link('urn:uuid:1')), 'urn:uuid:2'),
  ),
  'a resource that points to itself': transaction(post(patient(link(one)), one)),
  'a circle of 300': transaction(
    ...Array.from({ length: 300 }, (_, i) => post(patient(link(`urn:uuid:${(i + 1) % 300}`)), `urn:uuid:${i}`)),
  ),
  'one resource that all point to': transaction(
    post(patient(), one),
    ...Array.from({ length: 500 }, () => post(patient(link(one)))),
  ),
};

test.each(Object.keys(valid))('%s is stored or refused as a whole, in good time', async (what) => {
  const before = await versionsOf(client);
  const bundle = valid[what]!;
  const started = performance.now();
  const answer = await client.send('POST', '', { body: bundle });
  expect(wrongWith(answer)).toBe('');
  expect(performance.now() - started).toBeLessThan(60_000);
  const grown = (await versionsOf(client)) - before;
  expect(grown).toBe(answer.status === 200 ? (bundle['entry'] as Json[]).length : 0);
});

test('a batch in a batch is refused entry by entry', async () => {
  const answer = await client.send('POST', '', { body: inItself(3, 'batch') });
  expect(wrongWith(answer)).toBe('');
  const inner = answer.status === 200 ? answer.json.entry[0].response.status : String(answer.status);
  expect(inner).toMatch(/^4/);
});

test('more entries than a server takes are refused or done, in good time', async () => {
  const started = performance.now();
  const entries = Array.from({ length: 30_000 }, () => request('GET', 'Patient/nobody'));
  const answer = await client.send('POST', '', { body: transaction(...entries) });
  expect([answer.status < 500, wrongWith(answer)]).toEqual([true, '']);
  expect(performance.now() - started).toBeLessThan(120_000);
});
