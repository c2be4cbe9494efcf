/** Binaries with content types, ranges, encodings and lengths that make no sense. https://hl7.org/fhir/R4/binary.html */
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from '@jest/globals';
import { connect, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { versionsOf, wrongWith } from './verdict.ts';

let client: Client;
const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, i) => i % 256));

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

const contentTypes = [
  'x',
  '/',
  'a/',
  'text/html',
  'text/plain; charset="',
  'text/plain; charset=utf-7',
  'multipart/form-data; boundary=x',
  'application/fhir+json',
  'application/json',
  'application/x-www-form-urlencoded',
  `text/${'x'.repeat(5_000)}`,
  'text/plain; a=b; '.repeat(500),
  '*/*',
  'text/html, text/plain',
];

test.each(contentTypes)('bytes as %.60s are stored and served as they were, or refused', async (type) => {
  const before = await versionsOf(client);
  const answer = await client.send('POST', 'Binary', { body: bytes, headers: { 'content-type': type } });
  expect(wrongWith(answer)).toBe('');
  expect((await versionsOf(client)) - before).toBe(answer.status === 201 ? 1 : 0);
  if (answer.status === 201) {
    const name = /Binary\/[^/]+/.exec(answer.headers.get('location') ?? '')?.[0] ?? '';
    const read = await client.send('GET', name, { headers: { accept: '*/*' } });
    expect([read.status, Buffer.compare(read.bytes, bytes)]).toEqual([200, 0]);
    expect(read.headers.get('x-content-type-options')).toBe('nosniff');
  }
});

const bodies: Readonly<Record<string, [Record<string, string>, Uint8Array | string]>> = {
  'a FHIR Binary whose data is no base64': [{}, '{"resourceType":"Binary","contentType":"text/plain","data":"%%%"}'],
  'a FHIR Binary whose base64 is cut': [{}, '{"resourceType":"Binary","contentType":"text/plain","data":"QUJ"}'],
  'a FHIR Binary without contentType': [{}, '{"resourceType":"Binary","data":"QUJD"}'],
  'a security context that is no reference': [
    { 'x-security-context': 'rubbish \\', 'content-type': 'text/plain' },
    'x',
  ],
  'half a gzip': [{ 'content-encoding': 'gzip', 'content-type': 'text/plain' }, gzipSync(bytes).subarray(0, 100)],
};

test.each(Object.keys(bodies))('%s is refused with a sentence', async (what) => {
  const [headers, body] = bodies[what]!;
  const before = await versionsOf(client);
  const answer = await client.send('POST', 'Binary', { body, headers });
  expect([answer.status >= 400 ? '' : `accepted: ${answer.text.slice(0, 200)}`, wrongWith(answer)]).toEqual(['', '']);
  expect(await versionsOf(client)).toBe(before);
});

const ranges: readonly (readonly [string, readonly number[]])[] = [
  ['bytes=0-9', [206, 200]],
  ['bytes=-10', [206, 200]],
  ['bytes=990-', [206, 200]],
  ['bytes=0-999999999999999999999', [206, 200]],
  ['bytes=1000-', [416, 200]],
  ['bytes=9-0', [416, 400, 200]],
  ['bytes=-0', [416, 400, 200]],
  ['bytes=', [416, 400, 200]],
  ['bytes=a-b', [416, 400, 200]],
  ['items=0-9', [416, 400, 200]],
  ['bytes=0-1,2-3,4-5', [206, 416, 200]],
  [`bytes=${Array.from({ length: 5_000 }, (_, i) => `${i}-${i}`).join(',')}`, [206, 416, 400, 200]],
];

test.each(ranges)('the range %.40s is answered with what it asks, all, or a refusal', async (range, statuses) => {
  const made = await client.send('POST', 'Binary', {
    body: bytes,
    headers: { 'content-type': 'application/octet-stream' },
  });
  const name = /Binary\/[^/]+/.exec(made.headers.get('location') ?? '')?.[0] ?? '';
  const answer = await client.send('GET', name, { headers: { accept: '*/*', range } });
  expect(statuses).toContain(answer.status);
  if (answer.status === 200) expect(Buffer.compare(answer.bytes, bytes)).toBe(0);
  if (answer.status === 206 && !range.includes(',')) {
    const [, from, to] = /bytes (\d+)-(\d+)\/1000/.exec(answer.headers.get('content-range') ?? '') ?? [];
    expect(Buffer.compare(answer.bytes, bytes.subarray(Number(from), Number(to) + 1))).toBe(0);
  }
});

test('no bytes at all are a Binary of no bytes, or refused', async () => {
  const answer = await client.send('POST', 'Binary', { body: '', headers: { 'content-type': 'text/plain' } });
  expect(wrongWith(answer)).toBe('');
});
