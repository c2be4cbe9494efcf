/** Seals that are sent to a webhook: in order, tried again, once for all processes, and only to where they may go. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isSignedBy, sealHash, sealKey } from '../../src/audit/seal.ts';
import { listOf, mayGoTo } from '../../src/publishing/allowed-address.ts';
import { delayAfter, publishToWebhook } from '../../src/publishing/publish-webhook.ts';
import { testDatabase } from '../server.ts';
import { sealedLaboratory, type Sealed } from './sealed.ts';

interface Message {
  readonly laboratory: string;
  readonly number: number;
  readonly hash: string;
  readonly seal: string;
  readonly signature: string;
  readonly jwk: object;
}

let lab: Sealed;
let server: Server;
let address: string;
let received: Message[];
/** How the receiver answers. */
let answer: (response: ServerResponse, message: Message) => void;

const ok = (response: ServerResponse): void => void response.writeHead(204).end();

beforeEach(async () => {
  lab = sealedLaboratory();
  received = [];
  answer = ok;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = JSON.parse(Buffer.concat(chunks).toString()) as Message;
      received.push(message);
      answer(response, message);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/seals`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function send(to = address, allowed: readonly string[] = []): Promise<string | undefined> {
  const signal = new AbortController().signal;
  return publishToWebhook(
    { database: testDatabase(), allowed: listOf(allowed), signal, now: Date.now },
    lab.tenant,
    to,
  );
}

const numbers = (): number[] => received.map(({ number }) => number);

/** As if the time had come to try again. */
async function wait(): Promise<void> {
  await lab.session.query({
    text: `update audit_publication set next_try = '-infinity' where tenant_id = $1`,
    values: [lab.tenant.id],
  });
}

test('each seal is sent once, in order, with what proves it', async () => {
  await lab.seals(3);
  expect(await send()).toBeUndefined();
  expect(await send()).toBeUndefined();
  await lab.seals(1);
  expect(await send()).toBeUndefined();
  expect(numbers()).toEqual([1, 2, 3, 4]);
  for (const { laboratory, hash, seal, signature, jwk } of received) {
    expect([laboratory, hash]).toEqual([lab.tenant.name, sealHash(seal)]);
    expect(isSignedBy(seal, Buffer.from(signature, 'base64'), sealKey(JSON.stringify(jwk)))).toBe(true);
  }
});

test('what is not taken is tried again later, and nothing passes it by', async () => {
  await lab.seals(3);
  answer = (response, { number }) => void response.writeHead(number === 2 ? 500 : 204).end();
  expect(await send()).toBe('The receiver answered 500.');
  expect(numbers()).toEqual([1, 2]);
  expect(await send()).toBeUndefined();
  expect(numbers()).toEqual([1, 2]);
  await wait();
  expect(await send()).toBe('The receiver answered 500.');
  answer = ok;
  await wait();
  expect(await send()).toBeUndefined();
  expect(numbers()).toEqual([1, 2, 2, 2, 3]);
});

test('processes that send at once send each seal once', async () => {
  await lab.seals(5);
  await Promise.all([send(), send(), send()]);
  expect(numbers()).toEqual([1, 2, 3, 4, 5]);
});

test('a process that dies between the answer and the cursor: the seal comes again, and is known by its number', async () => {
  await lab.seals(2);
  await send();
  await lab.session.query({
    text: 'update audit_publication set number = 1 where tenant_id = $1',
    values: [lab.tenant.id],
  });
  await send();
  expect(numbers()).toEqual([1, 2, 2]);
  expect(received[1]).toEqual(received[2]);
});

test('another address gets all of them', async () => {
  await lab.seals(2);
  await send();
  await send(`${address}/other`);
  expect(numbers()).toEqual([1, 2, 1, 2]);
});

test('a redirect is not followed', async () => {
  await lab.seals(1);
  answer = (response) => void response.writeHead(307, { location: `${address}/elsewhere` }).end();
  expect(await send()).toBe('The receiver answered 307.');
  expect(received).toHaveLength(1);
});

test('nobody listens, or the connection is broken', async () => {
  await lab.seals(1);
  answer = (response) => void response.destroy();
  expect(await send()).toBe('ECONNRESET');
  server.close();
  server.closeAllConnections();
  await wait();
  expect(await send()).toBe('ECONNREFUSED');
});

test('a receiver that does not answer is left in time', async () => {
  await lab.seals(1);
  answer = () => undefined;
  expect(await send()).toBe('The receiver did not answer in time.');
}, 30_000);

test.each([
  'https://10.0.0.1/seals',
  'https://127.0.0.1/seals',
  'https://[::1]/seals',
  'https://[::ffff:10.0.0.1]/seals',
  'https://169.254.169.254/latest',
  'https://localhost/seals',
  'https://2130706433/seals',
  'http://10.0.0.1/seals',
  'http://example.org/seals',
])('nothing is sent to %s', async (to) => {
  await lab.seals(1);
  expect(await send(to)).toMatch(/not public|sent by https/);
});

test('what the operator allows is tried', async () => {
  await lab.seals(1);
  const { port } = new URL(address);
  // No TLS there, but a connection.
  expect(await send(`https://127.0.0.1:${port}/`, ['127.0.0.0/8'])).not.toMatch(/not public/);
});

describe('addresses', () => {
  test.each([
    ['8.8.8.8', true],
    ['2606:4700::1111', true],
    ['10.1.2.3', false],
    ['100.64.0.1', false],
    ['172.31.0.1', false],
    ['192.168.1.1', false],
    ['0.0.0.0', false],
    ['255.255.255.255', false],
    ['::', false],
    ['::1', false],
    ['::ffff:127.0.0.1', false],
    ['::ffff:7f00:1', false],
    ['64:ff9b::a00:1', false],
    ['fd00::1', false],
    ['fe80::1', false],
    ['nonsense', false],
  ])('%s', (one, may) => {
    expect(mayGoTo(one, listOf([]))).toBe(may);
  });

  test('the operator may allow some', () => {
    const allowed = listOf(['10.2.0.0/16', 'fd00:1::/32', '192.168.1.7']);
    const found = ['10.2.3.4', '::ffff:10.2.3.4', 'fd00:1::5', '192.168.1.7', '10.3.0.1', 'fd00:2::5', '192.168.1.8'];
    expect(found.map((one) => mayGoTo(one, allowed))).toEqual([true, true, true, true, false, false, false]);
  });
});

test('the time between two tries doubles, up to an hour', () => {
  expect([0, 1, 2, 9, 10, 1_000].map(delayAfter)).toEqual([5, 10, 20, 2_560, 3_600, 3_600]);
});
