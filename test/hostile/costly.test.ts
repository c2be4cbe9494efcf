/**
 * Input that is small or lawful and costs far more than its size where a server is careless: doubling patches,
 * backtracking expressions, keys too long for an index, units and narratives without end. Refused or done, in seconds.
 */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { connect, type Answer, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { wrongWith } from './verdict.ts';

let client: Client;
const seconds = 60;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token, 100_000);
});

type Json = Record<string, unknown>;

/** Text that no compression makes short, as a key in an index would need. */
function noise(length: number): string {
  let text = '';
  for (let i = 0; text.length < length; i++) {
    text += createHash('sha256').update(String(i)).digest('base64url');
  }
  return text.slice(0, length);
}

async function inTime(send: () => Promise<Answer>): Promise<Answer> {
  const started = performance.now();
  const answer = await send();
  expect(wrongWith(answer)).toBe('');
  expect(performance.now() - started).toBeLessThan(seconds * 1_000);
  expect((await client.send('GET', 'metadata?mode=terminology')).status).toBe(200);
  return answer;
}

const patient = (more: Json = {}): Json => ({ resourceType: 'Patient', ...more });
const observation = (more: Json = {}): Json => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  ...more,
});
const narrative = (inner: string): Json => ({
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${inner}</div>` },
});
const quantity = (code: string): Json =>
  observation({ valueQuantity: { value: 1, unit: 'u', system: 'http://unitsofmeasure.org', code } });

/** Resources; each may be valid or not. */
const resources: Readonly<Record<string, () => Json>> = {
  'base64 of white space without end': () => patient({ photo: [{ data: `${' '.repeat(200_000)}!` }] }),
  'base64 that fails at its end': () => patient({ photo: [{ data: `${'AAAA '.repeat(50_000)}!` }] }),
  'a string of white space and a letter': () => patient({ name: [{ family: `${' '.repeat(200_000)}x` }] }),
  'a code with spaces without end': () =>
    patient({ communication: [{ language: { coding: [{ code: `a${'  b'.repeat(50_000)}` }] } }] }),
  'a date with digits without end': () => patient({ birthDate: '1'.repeat(200_000) }),
  'an id of a megabyte': () => patient({ id: 'a'.repeat(1_000_000) }),
  'a uri of a megabyte': () => patient({ implicitRules: `http://x/${'a/'.repeat(500_000)}` }),
  'a reference of a megabyte': () => observation({ subject: { reference: `Patient/${'../'.repeat(300_000)}x` } }),
  'a unit of parentheses': () => quantity(`${'('.repeat(20_000)}m${')'.repeat(20_000)}`),
  'a unit of products': () => quantity(Array.from({ length: 20_000 }, () => 'm').join('.')),
  'a unit with an exponent past all numbers': () => quantity('m999999999'),
  'a unit of powers of ten': () => quantity(`10*${'9'.repeat(300)}`),
  'a narrative of open tags': () => patient(narrative('<p>'.repeat(50_000))),
  'a narrative of entities': () => patient(narrative('&amp;'.repeat(200_000))),
  'a narrative of less-than signs': () => patient(narrative('<'.repeat(200_000))),
  'a narrative of attributes': () =>
    patient(narrative(`<p ${Array.from({ length: 20_000 }, (_, i) => `class="c${i}"`).join(' ')}>x</p>`)),
  'a narrative of styles': () => patient(narrative(`<p style="${'a:b;'.repeat(100_000)}">x</p>`)),
  'a narrative 5,000 deep': () => patient(narrative(`${'<b>'.repeat(5_000)}x${'</b>'.repeat(5_000)}`)),
  '20,000 identifiers': () =>
    patient({ identifier: Array.from({ length: 20_000 }, (_, i) => ({ system: 'u:s', value: `${i}` })) }),
  '20,000 names': () =>
    patient({ name: Array.from({ length: 20_000 }, (_, i) => ({ family: `f${i}`, given: ['a', 'b'] })) }),
  '20,000 components': () =>
    observation({ component: Array.from({ length: 20_000 }, () => ({ code: { text: 'c' }, valueInteger: 1 })) }),
  '20,000 unknown members': () => patient(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`x${i}`, i]))),
  '50,000 profiles': () => patient({ meta: { profile: Array.from({ length: 50_000 }, (_, i) => `http://x/${i}`) } }),
  'references among 2,000 contained resources': () => ({
    ...patient(),
    contained: Array.from({ length: 2_000 }, (_, i) => ({
      resourceType: 'Organization',
      id: `o${i}`,
      name: 'x',
      partOf: { reference: `#o${(i + 1) % 2_000}` },
    })),
  }),
  'a family name of 8 kB of noise': () => patient({ name: [{ family: noise(8_000) }] }),
  'an address of 8 kB of noise': () => patient({ address: [{ city: noise(8_000), line: [noise(20_000)] }] }),
  'an identifier of 8 kB of noise': () =>
    patient({ identifier: [{ system: `http://x/${noise(8_000)}`, value: noise(8_000) }] }),
  'a tag of 8 kB of noise': () =>
    patient({ meta: { tag: [{ system: `http://x/${noise(8_000)}`, code: noise(8_000) }] } }),
  'a uri of 8 kB of noise': () => ({ resourceType: 'ValueSet', status: 'draft', url: `http://x/${noise(8_000)}` }),
  'a reference of 8 kB of noise': () => observation({ subject: { reference: `http://x/${noise(8_000)}` } }),
  'a source of 8 kB of noise': () => patient({ meta: { source: `http://x/${noise(8_000)}` } }),
  'a text of 8 kB of noise': () => observation({ code: { text: noise(8_000) } }),
  'dates at both ends of time': () => observation({ effectivePeriod: { start: '0001-01-01', end: '9999-12-31' } }),
};

describe('a resource with', () => {
  test.each(Object.keys(resources))('%s', async (what) => {
    const body = resources[what]!();
    const answer = await inTime(() => client.send('POST', String(body['resourceType']), { body }));
    if (answer.status === 201) {
      const read = await client.send('GET', `${answer.json.resourceType}/${answer.json.id}`);
      expect([read.status, wrongWith(read)]).toEqual([200, '']);
      const path = `${answer.json.resourceType}/${answer.json.id}`;
      await inTime(() => client.send('PUT', path, { body: { ...read.json, language: 'ar' } }));
    }
  });
});

const numbers = [
  '1'.repeat(200_000),
  `0.${'0'.repeat(200_000)}1`,
  `${'9'.repeat(308)}.9`,
  '1e308',
  '-1e308',
  '1e-300',
  '123456789012345678901234567890.123456789',
];

test.each(numbers.map((number) => [number.slice(0, 20), number]))(
  'the decimal %s… is refused, or comes back as written',
  async (_, number) => {
    const body = `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":${number}}}`;
    const answer = await inTime(() => client.send('POST', 'Observation', { body }));
    if (answer.status === 201) {
      expect(answer.text).toContain(`"value":${number}}`);
      await inTime(() => client.send('GET', `Observation?value-quantity=gt1&_count=5`));
    }
  },
);

const jsonPatch = { 'content-type': 'application/json-patch+json' };
const repeated = (count: number, ...steps: Json[]): Json[] => Array.from({ length: count }, () => steps).flat();

/** Patches of a patient with a name; each may be done or not. */
const patches: Readonly<Record<string, () => Json[]>> = {
  'the whole copied into itself 40 times': () => repeated(40, { op: 'copy', from: '', path: '/contained/-' }),
  'a list copied into itself 60 times': () => repeated(60, { op: 'copy', from: '/name', path: '/name/0/extension' }),
  'a text moved into itself': () => [{ op: 'move', from: '/name', path: '/name/0/given' }],
  '200,000 tests': () => repeated(200_000, { op: 'test', path: '/active', value: true }),
  '50,000 insertions at the front': () => repeated(50_000, { op: 'add', path: '/name/0', value: { text: 'x' } }),
  'a path 100,000 deep': () => [{ op: 'add', path: '/a'.repeat(100_000), value: 1 }],
  'a path with prototypes': () => [{ op: 'add', path: '/__proto__/polluted', value: true }],
  'a path with constructors': () => [{ op: 'add', path: '/constructor/prototype/polluted', value: true }],
  'an index past all numbers': () => [{ op: 'add', path: '/name/99999999999999999999', value: { text: 'x' } }],
  'an index in scientific notation': () => [{ op: 'add', path: '/name/1e3', value: { text: 'x' } }],
};

describe('a JSON Patch with', () => {
  test.each(Object.keys(patches))('%s', async (what) => {
    const made = await client.send('POST', 'Patient', { body: patient({ active: true, name: [{ text: 'x' }] }) });
    await inTime(() => client.send('PATCH', `Patient/${made.json.id}`, { body: patches[what]!(), headers: jsonPatch }));
    expect(({} as Json)['polluted']).toBeUndefined();
    expect((await client.send('GET', `Patient/${made.json.id}`)).status).toBe(200);
  });
});

/** FHIRPath Patches by their path. */
const paths: readonly string[] = [
  'Patient.descendants().descendants().descendants().descendants()',
  `Patient${'.select($this | $this)'.repeat(40)}`,
  `Patient.name.where(${'('.repeat(2_000)}true${')'.repeat(2_000)})`,
  `Patient.name[${'9'.repeat(400)}]`,
  "Patient.name.where(text.matches('(a+)+$'))",
  "Patient.name.where(text.replaceMatches('(x+x+)+y', 'z').exists())",
  'Patient.repeat($this)',
  'Patient.name.repeat(%resource)',
  `Patient.name.where(text = '${'x'.repeat(500_000)}')`,
  'Patient.iif(true, name, name)',
  '%resource.name.aggregate($total & $total & $this.text, "x")',
];

test.each(paths.map((path) => [path.slice(0, 60), path]))('a FHIRPath Patch at %s', async (_, path) => {
  const made = await client.send('POST', 'Patient', { body: patient({ name: [{ text: 'x'.repeat(5_000) }] }) });
  const part = [
    { name: 'type', valueCode: 'delete' },
    { name: 'path', valueString: path },
  ];
  const body = { resourceType: 'Parameters', parameter: [{ name: 'operation', part }] };
  await inTime(() => client.send('PATCH', `Patient/${made.json.id}`, { body }));
});
