/** Paths, queries and ids that make no sense, and SQL in every position of them. */
import { request } from 'node:http';
import { beforeAll, expect, test } from '@jest/globals';
import { connect, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { versionsOf, wrongWith } from './verdict.ts';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

const sql = [
  "'",
  "';select 1;--",
  "' or '1'='1",
  '$1',
  '\\',
  '%',
  '_',
  '?',
  '??',
  '??|',
  '@>',
  '"',
  '`',
  '{}',
  '[]',
  '()',
  ':x',
  '$$',
  '/*',
];

const paths: readonly string[] = [
  '//',
  '.',
  '..',
  'Patient/',
  'Patient//_history',
  'Patient/..',
  'Patient/../../other/fhir/Patient/x',
  'Patient/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  'Patient/%00',
  'Patient/%ff',
  'Patient/%',
  'Patient/%zz',
  'Patient/a%2Fb',
  'Patient/a/_history/0',
  'Patient/a/_history/-1',
  'Patient/a/_history/99999999999999999999',
  'Patient/a/_history/1.5',
  'Patient/a/_history/1/2/3',
  'Patient/a/$no-such-operation',
  'Patient/$',
  '$',
  '$validate',
  '_history/1',
  'metadata/1',
  '__proto__/1',
  'constructor/1',
  'toString/1',
  'Patient/__proto__',
  'Patient?_count=-1',
  'Patient?_count=1e9',
  'Patient?_count=abc',
  'Patient?_count=99999999999999999999',
  'Patient?_sort=no-such-parameter',
  'Patient?_include=rubbish',
  'Patient?birthdate=gt',
  'Patient?birthdate=99999-01-01',
  'Patient?birthdate=2024-02-30',
  'Patient?gender:no-such-modifier=x',
  'Patient?organization.no-such=x',
  `Patient?${'organization.partof.'.repeat(200)}name=x`,
  `Patient?name=${'x'.repeat(20_000)}`,
  `Patient?name=${Array.from({ length: 10_000 }, (_, i) => i).join(',')}`,
  'Patient?_has=x',
  'Patient?_has:Observation:patient:code=',
  'Patient?name=%00',
  'Patient?name=%ff',
  'Patient?%00=1',
  'Patient?=',
  'Patient?&&&',
  'Patient?_id=',
  'Patient?__proto__=1',
  'Patient?constructor=1',
  'Patient?_lastUpdated=x',
  'Patient?_lastUpdated=9999',
  'Patient?_lastUpdated=0001',
  'Patient?birthdate=9999-12-31',
  'Patient?birthdate=le0001-01-01T00:00:00%2B14:00',
  'Patient/a/_history?_at=9999',
  'Patient/a/_history?_since=9999-12-31T23:59:59.999-14:00',
  'Patient?_count=2147483648',
  'Patient?_format=constructor',
  'Patient?_elements=__proto__',
  'Patient?_summary=constructor',
  'Observation?value-quantity=1|2|3|4|5',
  'Observation?value-quantity=1e999',
  'Observation?value-quantity=NaN',
  'Patient/a/_history?_since=2024',
  'Patient/a/_history?_at=x',
  '_history?_count=x',
  '_history?_since=99999-01-01T00:00:00Z',
  '?_type=Nothing',
  '?_type=',
  'metadata?mode=constructor',
];

/** As written, without the tidying up that fetch does to paths. */
function get(path: string): Promise<{ status: number; text: string }> {
  const url = new URL(client.base);
  const slash = path.startsWith('?') ? '' : '/';
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${client.token}`, accept: 'application/fhir+json' };
    const sent = request(
      { host: url.hostname, port: url.port, path: `${url.pathname}${slash}${path}`, headers },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    sent.on('error', reject).end();
  });
}

function judged(path: string, { status, text }: { status: number; text: string }): string {
  const bytes = new TextEncoder().encode(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return wrongWith({ method: 'GET', url: path, status, headers: new Headers(), bytes, text, json });
}

test.each(paths)('GET %s is refused with a sentence, or answered', async (path) => {
  const answer = await get(path.replaceAll(' ', '%20'));
  expect(judged(path, answer)).toBe('');
});

const positions: Readonly<Record<string, (text: string) => string>> = {
  type: (text) => text,
  id: (text) => `Patient/${text}`,
  version: (text) => `Patient/a/_history/${text}`,
  'parameter name': (text) => `Patient?${text}=1`,
  modifier: (text) => `Patient?name:${text}=1`,
  'string value': (text) => `Patient?name=${text}`,
  'token value': (text) => `Patient?identifier=${text}|${text}`,
  'date value': (text) => `Patient?birthdate=${text}`,
  'reference value': (text) => `Observation?subject=${text}`,
  'quantity value': (text) => `Observation?value-quantity=${text}`,
  sort: (text) => `Patient?_sort=${text}`,
  include: (text) => `Patient?_include=${text}`,
  elements: (text) => `Patient?_elements=${text}`,
  'type list': (text) => `?_type=${text}`,
  since: (text) => `_history?_since=${text}`,
  format: (text) => `Patient?_format=${text}`,
};

test.each(Object.keys(positions))('SQL as %s does nothing', async (position) => {
  for (const text of sql) {
    const path = positions[position]!(encodeURIComponent(text));
    const answer = await get(path);
    expect(judged(path, answer)).toBe('');
    expect(answer.text).not.toMatch(/syntax error|relation "|column "/i);
  }
});

test('a type without criterion cannot be emptied', async () => {
  const made = await client.send('POST', 'Observation', {
    body: { resourceType: 'Observation', status: 'final', code: { text: 'x' } },
  });
  expect(made.status).toBe(201);
  for (const path of [
    'Observation',
    'Observation?',
    'Observation?_count=1',
    'Observation?_sort=_lastUpdated',
    'Observation?code=',
  ]) {
    const answer = await client.send('DELETE', path);
    expect([path, answer.status >= 400, wrongWith(answer)]).toEqual([path, true, '']);
  }
  expect((await client.send('GET', `Observation/${made.json.id}`)).status).toBe(200);
  expect(await versionsOf(client)).toBe(1);
});
