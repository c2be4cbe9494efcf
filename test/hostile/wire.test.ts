/** Abuse below FHIR: content encodings, headers, lengths, request lines; the server refuses, stays alive, writes nothing. */
import { createGzip, gzipSync, brotliCompressSync, deflateSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, expect, test } from '@jest/globals';
import { connect, type Client } from '../../conformance/client.ts';
import { makeLaboratory } from '../server.ts';
import { exchangeBytes, statusIn } from './socket.ts';
import { versionsOf, wrongWith } from './verdict.ts';

let client: Client;

beforeAll(async () => {
  const { base, token } = await makeLaboratory();
  client = connect(base, token);
});

const patient = Buffer.from('{"resourceType":"Patient","active":true}');
const half = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, Math.floor(bytes.length / 2));

/** A megabyte that unpacks to a gigabyte. */
function bomb(): Promise<Buffer> {
  const spaces = Buffer.alloc(1024 * 1024, ' ');
  return buffer(Readable.from(Array.from({ length: 512 }, () => spaces)).pipe(createGzip({ level: 1 })));
}

const encodings: Readonly<Record<string, readonly [encoding: string, body: () => Uint8Array | Promise<Uint8Array>]>> = {
  'half a gzip': ['gzip', () => half(gzipSync(patient))],
  'half a brotli': ['br', () => half(brotliCompressSync(patient))],
  'half a deflate': ['deflate', () => half(deflateSync(patient))],
  'no gzip at all': ['gzip', () => patient],
  'gzip with a broken sum': [
    'gzip',
    () => gzipSync(patient).map((byte, i, all) => (i === all.length - 6 ? byte ^ 0xff : byte)),
  ],
  'gzip and rubbish behind': ['gzip', () => Buffer.concat([gzipSync(patient), Buffer.from('rubbish')])],
  'brotli under the name of gzip': ['gzip', () => brotliCompressSync(patient)],
  'an encoding that does not exist': ['zip', () => patient],
  'an encoding of encodings': ['gzip, gzip, gzip', () => gzipSync(gzipSync(gzipSync(patient)))],
  'an empty gzip': ['gzip', () => gzipSync(Buffer.alloc(0))],
  'a bomb': ['gzip', bomb],
};

test.each(Object.keys(encodings))('%s is refused with a sentence', async (what) => {
  const [encoding, body] = encodings[what]!;
  const headers = { 'content-encoding': encoding };
  const started = performance.now();
  const answer = await client.send('POST', 'Patient', { body: await body(), headers });
  expect([answer.status >= 400 ? '' : `accepted: ${answer.text.slice(0, 200)}`, wrongWith(answer)]).toEqual(['', '']);
  expect(performance.now() - started).toBeLessThan(60_000);
});

test('a whole gzip, brotli and deflate are understood', async () => {
  const bodies = { gzip: gzipSync(patient), br: brotliCompressSync(patient), deflate: deflateSync(patient) };
  for (const [encoding, body] of Object.entries(bodies)) {
    const answer = await client.send('POST', 'Patient', { body, headers: { 'content-encoding': encoding } });
    expect(answer.status).toBe(201);
    await client.send('DELETE', `Patient/${answer.json.id}`);
  }
});

/** Headers that are well-formed HTTP and make no sense. */
const headers: Readonly<Record<string, Record<string, string>>> = {
  'an If-Match of 30 kB': { 'if-match': `W/"${'1'.repeat(30_000)}"` },
  'an If-Match of many ETags': { 'if-match': Array.from({ length: 2_000 }, (_, i) => `W/"${i + 7}"`).join(',') },
  'an If-Match with a version past all numbers': { 'if-match': 'W/"99999999999999999999999"' },
  'an If-Match with SQL': { 'if-match': `W/"1' or '1'='1"` },
  'an If-Match that is empty': { 'if-match': 'W/""' },
};

test.each(Object.keys(headers))('an update with %s is refused with a sentence', async (what) => {
  const made = await client.send('POST', 'Patient', { body: patient });
  const before = await versionsOf(client);
  const answer = await client.send('PUT', `Patient/${made.json.id}`, {
    body: { ...made.json, active: false },
    headers: headers[what]!,
  });
  expect([answer.status >= 400 ? '' : `accepted: ${answer.text.slice(0, 200)}`, wrongWith(answer)]).toEqual(['', '']);
  expect(await versionsOf(client)).toBe(before);
});

/** Headers of a read that make no sense: refused or passed over, never a fault. */
const odd: readonly Record<string, string>[] = [
  { accept: 'application/fhir+json;q=9, ;;;,=' },
  { accept: ','.repeat(20_000) },
  { accept: `application/${'x'.repeat(30_000)}` },
  { 'accept-encoding': 'gzip;q=x, *;q=, br;;' },
  { 'accept-charset': 'utf-7' },
  { prefer: `return=${'x'.repeat(30_000)}` },
  { prefer: '=;=,;' },
  { 'if-modified-since': 'not a date' },
  { 'if-modified-since': 'Fri, 31 Feb 99999 99:99:99 GMT' },
  { 'if-none-match': '"\\"\\' },
  { 'if-none-match': 'W/"' },
  { 'x-request-id': 'a'.repeat(10_000) },
  { 'x-request-id': '${jndi:ldap://127.0.0.1/x}' },
  { 'x-forwarded-proto': 'javascript', 'x-forwarded-host': 'evil.example/"><script>' },
  { 'x-forwarded-host': '' },
  { 'x-http-method-override': 'DELETE' },
  { range: 'bytes=5-2' },
  { expect: '100-continue' },
  { cookie: 'a=b;'.repeat(5_000) },
  { authorization: 'Bearer' },
  { authorization: `Bearer ${'x.'.repeat(15_000)}` },
  { authorization: 'Basic Og==' },
];

test.each(odd.map((fields) => [JSON.stringify(fields).slice(0, 60), fields] as const))(
  'a read with %s is no fault',
  async (_, fields) => {
    const made = await client.send('POST', 'Patient', { body: patient });
    const path = `Patient/${made.json.id}`;
    if (fields['expect'] === undefined) {
      const answer = await client.send('GET', path, { headers: fields });
      expect(wrongWith(answer)).toBe('');
      expect(answer.text).not.toContain('evil.example');
    }
    expect((await client.send('GET', path)).status).toBe(200);
  },
);

const host = 'Host: localhost\r\n';

/** Requests that are no HTTP, or contradict themselves; some statuses are Node's own. */
const broken: Readonly<Record<string, string>> = {
  'no request line': '\r\n\r\nhello\r\n\r\n',
  'a TLS handshake': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'a method that does not exist': `FETCH / HTTP/1.1\r\n${host}\r\n`,
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'two lengths': `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
  'a length and chunks': `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a length below zero': `POST / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`,
  'a chunk of no number': `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nxyz\r\nhello\r\n`,
  'a header with a line break': `GET / HTTP/1.1\r\n${host}X: a\n b\r\n\r\n`,
  'a header without name': `GET / HTTP/1.1\r\n${host}: a\r\n\r\n`,
  'a NUL in a header': `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`,
  'headers of 200 kB': `GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(200_000)}\r\n\r\n`,
  'ten thousand headers': `GET / HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(10_000)}\r\n`,
  'a URL of 200 kB': `GET /${'a'.repeat(200_000)} HTTP/1.1\r\n${host}\r\n`,
  'a URL with a NUL': `GET /demo/fhir/Patient/\0 HTTP/1.1\r\n${host}\r\n`,
  'another version of HTTP': `GET / HTTP/3.7\r\n${host}\r\n`,
};

test.each(Object.keys(broken))('%s is cut off without harm', async (what) => {
  const received = await exchangeBytes(client.base, [broken[what]!]);
  expect([0, ...Array.from({ length: 100 }, (_, i) => 400 + i), 505]).toContain(statusIn(received));
  expect((await client.send('GET', 'metadata')).status).toBe(200);
});

test('a body shorter than its length writes nothing when the client hangs up', async () => {
  const before = await versionsOf(client);
  const path = new URL(`${client.base}/Patient`).pathname;
  const { hostname, port } = new URL(client.base);
  const { connect } = await import('node:net');
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST ${path} HTTP/1.1\r\n${host}Authorization: Bearer ${client.token}\r\nContent-Type: application/fhir+json\r\nContent-Length: 999\r\n\r\n`,
  );
  socket.write(patient);
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await versionsOf(client)).toBe(before);
});
