/** What peers do that mean harm, or know no better: it is bounded, and others are served as before. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import { mllpDecoder, mllpFrame } from '../../src/hl7v2/mllp.ts';
import { listMessages } from '../../src/store/messages.ts';
import { eventsOf } from '../audit/log.ts';
import { send } from '../erasure/laboratory.ts';
import { makeLaboratory, testServer, type Laboratory } from '../server.ts';
import { makeBench, message, session, type Bench } from './bench.ts';
import { codeOf, openSender } from './mllp-client.ts';

const pid = 'PID|1||4711^^^MRN^MR||Ali^Omar';
let made: Bench;
let closed: Laboratory;
let closedPort: number;
/** Of the same laboratory, for loopback: its own port, so that no other laboratory may be meant. */
let openPort: number;

beforeAll(async () => {
  [made, closed] = await Promise.all([makeBench(), makeLaboratory()]);
  [closedPort, openPort] = [await freePort(), await freePort()];
  const reachable = `mllp://localhost:${openPort}`;
  await send(
    closed,
    'POST',
    'Endpoint',
    interfaceEndpoint({ name: 'open', address: reachable, allowed: ['loopback'] }),
  );
  const address = `mllp://localhost:${closedPort}`;
  await send(closed, 'POST', 'Endpoint', interfaceEndpoint({ name: 'closed', address, allowed: ['192.0.2.7'] }));
}, 60_000);
afterAll(() => made.sender.close());

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** From an address of its own, so that what one test does counts for it alone. */
async function open(localAddress: string, port = testServer().hl7Port): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Interfaces are read every few seconds. */
async function listening(port: number): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(200)) {
    const socket = await open('127.0.0.8', port).catch(() => undefined);
    socket?.destroy();
    if (socket !== undefined) return;
  }
  throw new Error('The port of the interface was not opened.');
}

/** What the laboratory was told of an address, once something was. */
async function refusalsOf(peer: string): Promise<unknown[]> {
  const told = async (): Promise<unknown[]> =>
    (await eventsOf(closed)).filter(({ kind, address }) => kind === 'message-refused' && address === peer);
  for (const end = Date.now() + 120_000; Date.now() < end && (await told()).length === 0;) await pause(100);
  return told();
}

/** What comes until the connection is closed. */
async function untilClosed(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(parts).toString();
}

async function isServed(id: string): Promise<void> {
  expect(codeOf((await made.sender.send(message(made, 'ADT^A08', id, pid)))[0])).toBe('AA');
}

describe('bytes', () => {
  test('a message of one byte at a time', async () => {
    const socket = await open('127.0.0.2');
    const decoder = mllpDecoder(10_000);
    const answered = new Promise<string>((done) =>
      socket.on('data', (chunk) => {
        for (const frame of decoder.take(chunk)) if (frame.kind === 'message') done(frame.content.toString());
      }),
    );
    for (const byte of mllpFrame(Buffer.from(message(made, 'ADT^A08', 'bytes', pid)))) {
      await new Promise((done) => socket.write(Buffer.of(byte), done));
    }
    expect(codeOf(await answered)).toBe('AA');
    socket.destroy();
  }, 60_000);

  test('rubbish without end closes the connection, and is told once', async () => {
    await listening(openPort);
    const socket = await open('127.0.0.3', openPort);
    const ended = untilClosed(socket);
    const timer = setInterval(() => socket.write(Buffer.from(`GET / HTTP/1.1\r\n\x1c\r`.repeat(50))), 5);
    expect(await ended).toBe('');
    clearInterval(timer);
    expect(await refusalsOf('127.0.0.3')).toHaveLength(1);
    await isServed('after-rubbish');
  }, 60_000);

  test('a frame past the limit is answered with AR, and the connection closed', async () => {
    const socket = await open('127.0.0.4');
    const ended = untilClosed(socket);
    socket.write(Buffer.concat([Buffer.of(0x0b), Buffer.from(message(made, 'ORU^R01', 'endless', pid))]));
    const part = Buffer.alloc(1024 * 1024, 'x');
    for (let sent = 0; sent < 80; sent++) socket.write(part);
    const answer = await ended;
    expect(answer).toContain('MSA|AR|endless|A message may have at most');
    await isServed('after-endless');
  }, 60_000);

  test.each([
    ['segments', '\r'],
    ['fields', '|'],
    ['repetitions', '~'],
  ])(
    'a message of nothing but %s is refused, while others are served',
    async (what, sign) => {
      const sender = await openSender(testServer().hl7Port);
      const refused = sender.send(message(made, 'ORU^R01', what, `OBX${sign.repeat(20_000_000)}`));
      await isServed(`beside-${what}`);
      expect(codeOf((await refused)[0])).toBe('AR');
      sender.close();
    },
    60_000,
  );

  test('half a frame and silence keep no other from being served', async () => {
    const socket = await open('127.0.0.5');
    socket.write(mllpFrame(Buffer.from(message(made, 'ADT^A08', 'half', pid))).subarray(0, 40));
    await isServed('beside-half');
    socket.destroy();
    const stored = await listMessages(session(made.lab), { count: 100, controlId: 'half' });
    expect(stored).toEqual([]);
  }, 60_000);

  test('a message of 20 MB with a document, and others beside it', async () => {
    const sender = await openSender(testServer().hl7Port);
    const document = Buffer.alloc(15_000_000, '%PDF').toString('base64');
    const obr = 'OBR|1|P-1^HIS|F-1^LIS|11502-2^Report^LN|||20260131080000||||||||||||||||||F';
    const large = sender.send(
      message(
        made,
        'ORU^R01',
        'large',
        pid,
        obr,
        `OBX|1|ED|11502-2^Report^LN||^application^pdf^Base64^${document}||||||F`,
      ),
    );
    for (let i = 0; i < 5; i++) await isServed(`beside-large-${i}`);
    expect(codeOf((await large)[0])).toBe('AA');
    const report = await made.lab.fetch('DiagnosticReport?_summary=count');
    expect(await report.text()).toMatch(/"total": ?1/);
    sender.close();
  }, 120_000);
});

describe('connections', () => {
  test('hundreds from one address: those past its share are closed, other addresses are served', async () => {
    const sockets = await Promise.all(Array.from({ length: 300 }, () => open('127.0.0.6').catch(() => undefined)));
    const opened = sockets.filter((socket) => socket !== undefined);
    for (const socket of opened) socket.resume();
    const left = (): number => opened.filter(({ closed: gone }) => !gone).length;
    for (const end = Date.now() + 120_000; left() > 32 && Date.now() < end;) await pause(50);
    expect(left()).toBeLessThanOrEqual(32);
    await isServed('beside-many');
    for (const socket of opened) socket.destroy();
  }, 60_000);

  test('an address that no interface allows is refused; the laboratory is told once', async () => {
    await listening(closedPort);
    for (let i = 0; i < 5; i++) await untilClosed(await open('127.0.0.7', closedPort));
    expect(await refusalsOf('127.0.0.7')).toMatchObject([{ outcome: 4 }]);
    expect((await eventsOf(made.lab)).filter(({ address }) => address === '127.0.0.7')).toEqual([]);
  }, 60_000);
});

test('messages of one interface over several connections are applied one after the other, in their order', async () => {
  const senders = await Promise.all(Array.from({ length: 4 }, () => openSender(testServer().hl7Port)));
  // Of this attempt alone; each message changes the patient, whatever came before it.
  const attempt = randomBytes(4).toString('hex');
  const waiting: Promise<string[]>[] = [];
  for (let i = 0; i < 40; i++) {
    const own = `PID|1||${attempt}^^^MRN^MR||Ali^Omar${i}`;
    waiting.push((senders[i % 4] as (typeof senders)[number]).send(message(made, 'ADT^A08', `${attempt}-${i}`, own)));
    if (i % 4 === 3) await Promise.all(waiting);
  }
  expect((await Promise.all(waiting)).map(([answer]) => codeOf(answer))).toEqual(
    Array.from({ length: 40 }, () => 'AA'),
  );
  const stored = (await listMessages(session(made.lab), { count: 500 })).filter(({ controlId }) =>
    controlId.startsWith(`${attempt}-`),
  );
  const versions = stored
    .flatMap(({ resources }) => resources.filter((name) => name.startsWith('Patient/')))
    .map((name) => Number(name.split('/').at(-1)))
    .toReversed();
  expect(versions).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  for (const sender of senders) sender.close();
}, 60_000);
