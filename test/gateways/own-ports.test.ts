/** Ports of interfaces' own: opened and closed as interfaces name them; a reason not to listen is told once. */
import { expect, test } from '@jest/globals';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { pino } from 'pino';
import { makeOwnPorts, type OwnPort } from '../../src/start/own-ports.ts';

function listenOn(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

const stop = (server: Server): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));

test('a port that is taken is told once, and listened on when it is free; one no longer named is closed', async () => {
  const taken = await listenOn(0);
  const { port } = taken.address() as AddressInfo;
  const lines: string[] = [];
  let wanted: OwnPort[] = [{ port, secure: false }];
  const ports = makeOwnPorts(
    () => wanted,
    async (one) => {
      const server = await listenOn(one.port);
      return { stop: () => stop(server) };
    },
    pino({}, { write: (line: string) => void lines.push(line) }),
  );
  for (let i = 0; i < 3; i++) await ports.follow();
  expect(lines.map((line) => (JSON.parse(line) as { port: number }).port)).toEqual([port]);
  await stop(taken);
  await ports.follow();
  await expect(listenOn(port)).rejects.toThrow('EADDRINUSE');
  wanted = [];
  await ports.follow();
  const free = await listenOn(port);
  wanted = [{ port, secure: false }];
  await ports.follow();
  // It listened meanwhile: the same reason is news.
  expect(lines).toHaveLength(2);
  await stop(free);
  await ports.stop();
});
