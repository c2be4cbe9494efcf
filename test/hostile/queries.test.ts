/**
 * Random queries out of the parameters that the CapabilityStatement lists, with modifiers, chains, prefixes and values
 * that fit and that do not: an answer or a 4xx with a sentence, in seconds; the same for conditional requests.
 *
 * HOSTILE_RUNS sets the number of queries.
 */
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { connect, type Answer, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { seeds } from './seeds.ts';
import { wrongWith } from './verdict.ts';

const numRuns = Number(process.env['HOSTILE_RUNS'] ?? 60) * 5;
const types = ['Patient', 'Observation', 'DiagnosticReport', 'ServiceRequest', 'Specimen', 'Location', 'ValueSet'];
let client: Client;
let parameters: ReadonlyMap<string, readonly string[]>;

interface Listed {
  type: string;
  searchParam?: { name: string }[];
}

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token, 60_000);
  const listed: Listed[] = (await client.send('GET', 'metadata')).json.rest[0].resource;
  parameters = new Map(listed.map(({ type, searchParam }) => [type, (searchParam ?? []).map(({ name }) => name)]));
  for (const body of seeds) {
    expect((await client.send('POST', String(body['resourceType']), { body })).status).toBe(201);
  }
});

const common = [
  '_id',
  '_lastUpdated',
  '_tag',
  '_sort',
  '_count',
  '_include',
  '_revinclude',
  '_elements',
  '_total',
  '_has',
  '_filter',
  '_text',
  '_list',
  '_type',
  '_contained',
  '_summary',
  'near',
];
const modifiers = [
  '',
  '',
  '',
  ':exact',
  ':contains',
  ':missing',
  ':not',
  ':text',
  ':in',
  ':not-in',
  ':above',
  ':below',
  ':of-type',
  ':identifier',
  ':Patient',
  ':iterate',
  ':x',
];
const chains = [
  '',
  '',
  '',
  '.name',
  '.identifier',
  '.subject.name',
  ':Patient.birthdate',
  '.organization.partof.name',
  '._has:Observation:patient:code',
  '.x',
];

const values = fc.oneof(
  fc.constantFrom(
    '',
    'true',
    'x',
    '7.2',
    '7.2||g/dL',
    '5.4|http://unitsofmeasure.org|mmol/L',
    'lt7.2',
    'ap1e3',
    'ge2024',
    'sa2024-05-06T07:08:09.123+03:00',
    'eb2024-02-30',
    '9999',
    'le9999-12-31T23:59:59.999-14:00',
    'ge0001-01-01T00:00:00+14:00',
    '0000',
    '10000',
    '-1',
    '9223372036854775808',
    '2147483648',
    '2024-05,gt2023',
    'http://loinc.org|718-7',
    '|718-7',
    'http://loinc.org|',
    '|',
    '718-7$lt10',
    '$',
    'a\\,b\\|c\\$d\\\\',
    '\\',
    'Patient/seed',
    'http://other.example/fhir/Patient/1|2',
    'Observation:patient',
    'Observation:patient:code',
    '*',
    '-date,_id',
    'name eq "x" and (birthdate gt 2000 or not (gender eq male))',
    'name co ((((',
    '30.1|31.2|10|km',
    '%',
    '_',
    "'",
    '\u0000',
    'الخطيب',
    '\u202e',
    '9'.repeat(400),
    `1e${'9'.repeat(9)}`,
  ),
  fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.toWellFormed()),
);

const criteria = fc.record({
  common: fc.boolean(),
  pick: fc.nat(),
  modifier: fc.constantFrom(...modifiers),
  chain: fc.constantFrom(...chains),
  value: values,
});

const queries = fc.record({
  type: fc.constantFrom(...types),
  criteria: fc.array(criteria, { minLength: 1, maxLength: 4 }),
});

type Query = typeof queries extends fc.Arbitrary<infer T> ? T : never;

function textOf({ type, criteria: all }: Query): string {
  const own = parameters.get(type) ?? [];
  const parts = all.map((one) => {
    const names = one.common ? common : own;
    const name = `${names[one.pick % names.length]}${one.modifier}${one.chain}`;
    return `${encodeURIComponent(name)}=${encodeURIComponent(one.value)}`;
  });
  return parts.join('&');
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** What a query is sent as. */
const uses: Readonly<Record<string, (type: string, query: string) => Promise<Answer>>> = {
  'a search by GET': (type, query) => client.send('GET', `${type}?${query}`),
  'a search by POST': (type, body) => client.send('POST', `${type}/_search`, { body, headers: form }),
  'a search of several types': (type, query) => client.send('GET', `?_type=Patient,${type}&${query}`),
  'a search of a compartment': (type, query) => client.send('GET', `Patient/seed/${type}?${query}`),
  'a conditional patch': (type, query) =>
    client.send('PATCH', `${type}?${query}`, {
      body: [{ op: 'test', path: '/id', value: 'none' }],
      headers: { 'content-type': 'application/json-patch+json' },
    }),
  'a conditional create': (type, query) =>
    client.send('POST', type, { body: { resourceType: type }, headers: { 'if-none-exist': query.slice(0, 8_000) } }),
  'a transaction entry': (type, query) => {
    const entry = [{ request: { method: 'GET', url: `${type}?${query}` } }];
    return client.send('POST', '', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  },
};

test.each(Object.keys(uses))('%s', async (use) => {
  await fc.assert(
    fc.asyncProperty(queries, async (query) => {
      expect(wrongWith(await uses[use]!(query.type, textOf(query)))).toBe('');
    }),
    { numRuns },
  );
});
