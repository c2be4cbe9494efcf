/** The link layer over real sockets: an analyzer of ours on one side, the host on the other. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { control, framesOf } from '../../src/astm/frame.ts';
import { standardLink } from '../../src/astm/settings.ts';
import { astmLine, type Line } from '../../src/gateways/astm/line.ts';
import { bytesOf, chemistry } from './messages.ts';

const content = Buffer.concat(bytesOf(chemistry));
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function pair(): Promise<[Socket, Socket]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [host] = (await accepted) as [Socket];
  server.close();
  sockets.push(client, host);
  return [host, client];
}

function line(socket: Socket, role: 'host' | 'instrument', store: (content: Buffer) => Promise<void>): Line {
  return astmLine(socket, { settings: { ...standardLink, role }, store, told: () => undefined });
}

const nothing = (): Promise<void> => Promise.resolve();

test('a message is acknowledged after it was stored, as it was sent', async () => {
  const [host, client] = await pair();
  const { promise: stored, resolve: store } = Promise.withResolvers<void>();
  const { promise: came, resolve: take } = Promise.withResolvers<Buffer>();
  line(host, 'host', (bytes) => {
    take(bytes);
    return stored;
  });
  let delivered = false;
  const sent = line(client, 'instrument', nothing).send(bytesOf(chemistry));
  void sent.then(() => (delivered = true));
  expect(await came).toEqual(content);
  expect(delivered).toBe(false);
  store();
  expect(await sent).toEqual({ delivered: true });
});

test('what could not be stored is refused, comes again, and is stored then', async () => {
  const [host, client] = await pair();
  const taken: Buffer[] = [];
  line(host, 'host', (bytes) => {
    taken.push(bytes);
    return taken.length === 1 ? Promise.reject(new Error('no database')) : Promise.resolve();
  });
  expect(await line(client, 'instrument', nothing).send(bytesOf(chemistry))).toEqual({ delivered: true });
  expect(taken).toEqual([content, content]);
});

test('several messages on one connection, then work in the other direction', async () => {
  const [host, client] = await pair();
  const taken: Buffer[] = [];
  const work: Buffer[] = [];
  const hosts = line(host, 'host', (bytes) => Promise.resolve(void taken.push(bytes)));
  const instrument = line(client, 'instrument', (bytes) => Promise.resolve(void work.push(bytes)));
  for (let i = 0; i < 3; i++) expect(await instrument.send(bytesOf(chemistry))).toEqual({ delivered: true });
  expect(taken).toEqual([content, content, content]);
  // The end of the last one may still be on its way: a busy line is asked again.
  let sent = await hosts.send(bytesOf(chemistry));
  while (!sent.delivered)
    sent = await new Promise((done) => setTimeout(() => done(hosts.send(bytesOf(chemistry))), 20));
  expect(work).toEqual([content]);
});

test('a line that ends while a message is stored: nobody was told that it was taken, and it is stored', async () => {
  const [host, client] = await pair();
  const { promise: stored, resolve: store } = Promise.withResolvers<void>();
  const { promise: came, resolve: take } = Promise.withResolvers<void>();
  const hosts = line(host, 'host', () => {
    take();
    return stored;
  });
  const sent = line(client, 'instrument', nothing).send(bytesOf(chemistry));
  await came;
  client.destroy();
  expect(await sent).toMatchObject({ delivered: false, reason: 'The connection ended.' });
  host.destroy();
  let ended = false;
  void hosts.ended.then(() => (ended = true));
  if (!host.closed) await once(host, 'close');
  expect(ended).toBe(false);
  store();
  await hosts.ended;
});

test('what was read before the line ended is stored to its last message', async () => {
  const [host, client] = await pair();
  const taken: Buffer[] = [];
  const { promise: free, resolve: go } = Promise.withResolvers<void>();
  const { promise: came, resolve: come } = Promise.withResolvers<void>();
  const hosts = line(host, 'host', async (bytes) => {
    come();
    await free;
    await new Promise((done) => setTimeout(done, 5));
    taken.push(bytes);
  });
  const frames = framesOf(bytesOf(chemistry));
  const transmission = Buffer.concat([Buffer.of(control.ENQ), ...frames, Buffer.of(control.EOT)]);
  host.unshift(Buffer.concat([transmission, transmission]));
  await came;
  client.destroy();
  host.destroy();
  if (!host.closed) await once(host, 'close');
  go();
  await hosts.ended;
  expect(taken).toEqual([content, content]);
});

test('a second message while one is sent is told to wait', async () => {
  const [host, client] = await pair();
  line(host, 'host', nothing);
  const instrument = line(client, 'instrument', nothing);
  const first = instrument.send(bytesOf(chemistry));
  expect(await instrument.send(bytesOf(chemistry))).toMatchObject({ delivered: false, reason: 'The line is busy.' });
  expect(await first).toEqual({ delivered: true });
});
