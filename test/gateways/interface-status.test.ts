/** How the interface of an analyzer stands: what it refused, by the API and the command line; and trying its line out. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { astmEndpoint } from '../../src/gateways/astm/settings.ts';
import { addRefusals, listRefusals } from '../../src/store/interface-refusals.ts';
import { makeLaboratory, signIn, testServer, type Laboratory } from '../server.ts';
import { makeAstmBench, makhbar, post, sessionOf, type Json } from './astm-bench.ts';

interface Part {
  name: string;
  part?: Part[];
  [value: string]: unknown;
}

/** What it refused, by the names of the parts; undefined where it is nothing. */
async function refusedBy(lab: Laboratory, endpoint: string): Promise<Json | undefined> {
  const answer = await lab.fetch(`Endpoint/${endpoint}/$interface-status`);
  expect(answer.status).toBe(200);
  const { parameter = [] } = (await answer.json()) as { parameter?: Part[] };
  const parts = parameter.find(({ name }) => name === 'refused')?.part;
  return parts && Object.fromEntries(parts.map(({ name, ...value }) => [name, Object.values(value)[0]]));
}

async function untilRefused(lab: Laboratory, endpoint: string, count: number): Promise<Json> {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(200)) {
    const refused = await refusedBy(lab, endpoint);
    if (Number(refused?.['count']) >= count) return refused!;
  }
  throw new Error('Nothing was counted in time.');
}

test('frames that break a rule are counted, with the rule of the last, its frame and its byte', async () => {
  const { lab, endpoint, address, open } = await makeAstmBench();
  expect(await refusedBy(lab, endpoint)).toBeUndefined();
  const { socket } = await open();
  socket.write(Buffer.of(5));
  expect((await once(socket, 'data'))[0]).toEqual(Buffer.of(6));
  for (const frame of ['\x021H|\\^&|||Secret^name\r\x0300\r\n', '\x021H|\\^&|||Secret^n\x01me\r\x0300\r\n']) {
    socket.write(Buffer.from(frame));
    expect((await once(socket, 'data'))[0]).toEqual(Buffer.of(0x15));
  }
  const refused = await untilRefused(lab, endpoint, 2);
  socket.destroy();
  expect(refused).toMatchObject({
    count: 2,
    peer: address,
    reason: expect.stringMatching(/^NAK \(frame 1, byte \d+\)/),
  });
  expect(JSON.stringify(refused)).not.toContain('Secret');
  const listed = (await makhbar('interface', 'list', lab.tenant.name)).out;
  expect(listed).toContain(`refused 2, last ${String(refused['time'])} from ${address}: NAK (frame 1`);
}, 90_000);

test('the status is for who may read the Endpoint', async () => {
  const [mine, other] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  const { id } = await post(mine, astmEndpoint({ name: 'A', address: 'astm://localhost', allowed: ['192.0.2.7'] }));
  const why = { reason: 'NAK: a rule', peer: '192.0.2.7', last: '2026-01-31T08:15:00.000Z' };
  for (const count of [2, 3]) await addRefusals(sessionOf(mine), [{ interface: String(id), count, ...why }]);
  expect(await refusedBy(mine, String(id))).toMatchObject({ count: 5, reason: why.reason, peer: why.peer });
  expect(await listRefusals(sessionOf(other))).toEqual([]);
  const path = `Endpoint/${String(id)}/$interface-status`;
  expect((await other.fetch(path)).status).toBe(404);
  const blind = await signIn(mine.tenant, 'system/Patient.rs');
  expect((await blind.fetch(path)).status).toBe(403);
});

const open: (() => void)[] = [];
afterAll(() => open.forEach((stop) => stop()));

/** An analyzer that listens and answers ENQ with this byte; undefined: with nothing. */
async function listening(answer: number | undefined): Promise<{ port: number; stop: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      if (bytes[0] === 5 && answer !== undefined) socket.write(Buffer.of(answer));
      else if (bytes[0] === 5) socket.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  open.push(stop);
  return { port: (server.address() as AddressInfo).port, stop };
}

test('the line of an analyzer is tried out, each way that it can be', async () => {
  const { tenant, ...lab } = await makeLaboratory();
  const add = (name: string, address: string): Promise<Json> =>
    post({ tenant, ...lab }, astmEndpoint({ name, address, allowed: ['192.0.2.7'] }));
  const analyzers = await Promise.all([6, 0x15, undefined].map(listening));
  const [ready, busy, mute] = analyzers.map(({ port }) => port);
  const gone = await listening(6);
  gone.stop();
  await add('comes', 'astm://localhost');
  await add('ready', `tcp://127.0.0.1:${ready}`);
  await add('busy', `tcp://127.0.0.1:${busy}`);
  await add('mute', `tcp://127.0.0.1:${mute}`);
  await add('gone', `tcp://127.0.0.1:${gone.port}`);
  await add('cable', 'serial:///dev/ttyUSB0');
  await add('files', 'file:incoming');
  const cases: readonly (readonly [string, number, string])[] = [
    ['comes', 0, `listens on port ${testServer().astmPort}`],
    ['ready', 0, 'answers ENQ with ACK'],
    ['busy', 0, 'answers ENQ with NAK'],
    ['mute', 1, 'does NOT answer: It closes the connection instead of answering ENQ.'],
    ['gone', 1, 'does NOT answer: The peer does not listen there.'],
    ['cable', 1, 'The operator has not allowed this serial line (SERIAL_LINES).'],
  ];
  for (const [name, code, says] of cases) {
    expect(await makhbar('interface', 'test', tenant.name, name)).toMatchObject({
      code,
      out: expect.stringContaining(says),
    });
  }
  // The server that runs makes the folder when it has seen the interface.
  let out = '';
  for (const end = Date.now() + 120_000; Date.now() < end && !out.includes('0 files wait'); await pause(500)) {
    ({ out } = await makhbar('interface', 'test', tenant.name, 'files'));
  }
  expect(out).toContain('0 files wait');
}, 120_000);
