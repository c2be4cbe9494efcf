/** MLLP over TLS, with and without the certificate of the client. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect as connectPlain, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, expect, test } from '@jest/globals';
import type { Client } from '../../conformance/client.ts';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import { mllpFrame } from '../../src/hl7v2/mllp.ts';
import { makeAuthority } from '../audit/certificate.ts';
import { serverOfFile } from '../durability/own-server.ts';
import { clientOf, startServer, stopServer } from '../durability/process.ts';

const own = serverOfFile('mllps');
const authority = makeAuthority();
const foreign = makeAuthority().certify('foreign');
const [server, known, other] = ['server', 'known', 'other'].map((name) => authority.certify(name));
const ports: number[] = [];
const message = 'MSH|^~\\&|APP|HOSP|||20260131081500||ADT^A04|t1|P|2.5.1\rPID|1||4711^^^MRN^MR||Ali^Omar\r';

beforeAll(async () => {
  const client = await clientOf(own.running);
  ports.push(await freePort(), await freePort(), await freePort());
  await add(client, ports[0]);
  await add(client, ports[1], new X509Certificate(known?.certificate ?? '').fingerprint256);
  await issued(client, ports[2]);
  await stopServer(own.running);
  const [key, cert] = [join(own.dataDir, 'key.pem'), join(own.dataDir, 'cert.pem')];
  await Promise.all([writeFile(key, server?.key ?? ''), writeFile(cert, server?.certificate ?? '')]);
  own.running = await startServer(own.dataDir, { TLS_KEY: key, TLS_CERT: cert });
  await Promise.all(ports.map(opened));
}, 120_000);

async function add(client: Client, port: number | undefined, ...clientCertificates: string[]): Promise<void> {
  const address = `mllps://localhost:${port}`;
  const body = interfaceEndpoint({ name: `p${port}`, address, allowed: ['loopback'], clientCertificates });
  expect((await client.send('POST', 'Endpoint', { body })).status).toBe(201);
}

async function issued(client: Client, port: number | undefined): Promise<void> {
  const address = `mllps://localhost:${port}`;
  const given = { name: 'issued', address, allowed: ['loopback'], clientAuthorities: [authority.certificate] };
  expect((await client.send('POST', 'Endpoint', { body: interfaceEndpoint(given) })).status).toBe(201);
  const wrong = interfaceEndpoint({ ...given, clientAuthorities: [known?.certificate ?? ''] });
  expect((await client.send('POST', 'Endpoint', { body: wrong })).status).toBe(422);
}

async function freePort(): Promise<number> {
  const free = createServer().listen(0);
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  await new Promise((done) => free.close(done));
  return port;
}

async function opened(port: number): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(200)) {
    const socket = connectPlain(port, '127.0.0.1').on('error', () => undefined);
    const came = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (came) return;
  }
  throw new Error('The port was not opened.');
}

/** What is answered to the message; '' where the connection is closed. */
async function answered(port: number | undefined, options: ConnectionOptions): Promise<string> {
  const socket = connect({
    port: port ?? 0,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.certificate,
    ...options,
  });
  let text = '';
  const closed = new Promise((done) => socket.once('close', done));
  const came = new Promise((done) =>
    socket.on('data', (part) => {
      text += part.toString();
      if (text.includes('\x1c')) done(undefined);
    }),
  );
  socket.on('error', () => undefined);
  socket.write(mllpFrame(Buffer.from(message)));
  await Promise.race([closed, came]);
  socket.destroy();
  return text;
}

test.each([
  ['without a certificate of the client', 0, () => ({}), true],
  ['TLS 1.2', 0, () => ({ maxVersion: 'TLSv1.2' }) as ConnectionOptions, true],
  [
    'TLS 1.1',
    0,
    () => ({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }) as ConnectionOptions,
    false,
  ],
  ['mutual, with the certificate', 1, () => ({ cert: known?.certificate, key: known?.key }), true],
  ['mutual, without one', 1, () => ({}), false],
  ['mutual, with another of the same authority', 1, () => ({ cert: other?.certificate, key: other?.key }), false],
  ['an authority, with a certificate of it', 2, () => ({ cert: other?.certificate, key: other?.key }), true],
  ['an authority, with one of another', 2, () => ({ cert: foreign.certificate, key: foreign.key }), false],
  ['an authority, without one', 2, () => ({}), false],
])('%s', async (_, at, options, expected) => {
  const answer = await answered(ports[at], options() as ConnectionOptions);
  expect(/\rMSA\|AA\|t1/.test(answer)).toBe(expected);
  if (!expected) expect(answer).toBe('');
});

test('who does not speak TLS on that port gets nothing', async () => {
  const socket = connectPlain(ports[0] ?? 0, '127.0.0.1').on('error', () => undefined);
  let text = '';
  socket.on('data', (part) => (text += part.toString()));
  socket.write(mllpFrame(Buffer.from(message)));
  await once(socket, 'close');
  expect(text).not.toContain('MSA');
});
