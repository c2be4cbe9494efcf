/** The benchmark's HTTP client tells complete answers from incomplete ones, however they are cut. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { openConnection, requestBytes, type Connection } from '../../bench/connection.ts';

const answers: Record<string, string> = {
  length: 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world',
  none: 'HTTP/1.1 204 No Content\r\n\r\n',
  empty: 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n',
  chunked: 'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
  'chunked and empty': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'binary body': 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\u00ff\u00fe\r\n',
};
const statuses = { length: 200, none: 204, empty: 404, chunked: 201, 'chunked and empty': 200, 'binary body': 200 };

let server: Server;
let connection: Connection;
/** Where the next answer is cut into two packets. */
let cut = 0;
let next = '';

beforeAll(async () => {
  server = createServer({ noDelay: true }, (socket) => {
    socket.on('data', () => {
      const bytes = Buffer.from(next, 'latin1');
      socket.write(bytes.subarray(0, cut));
      setTimeout(() => socket.write(bytes.subarray(cut)), 2);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  connection = await openConnection('127.0.0.1', (server.address() as AddressInfo).port);
});
afterAll(() => {
  connection.close();
  server.close();
});

test.each(Object.entries(statuses))('%s: cut at every place, on one connection', async (name, status) => {
  next = answers[name] as string;
  for (cut = 0; cut < next.length; cut += 1) {
    const answered = await connection.send(requestBytes({ method: 'GET', path: '/' }));
    expect(answered.status).toBe(status);
  }
});

test('a connection that ends rejects', async () => {
  const closing = createServer((socket) => socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\n'))).listen(0);
  await once(closing, 'listening');
  const broken = await openConnection('127.0.0.1', (closing.address() as AddressInfo).port);
  await expect(broken.send(requestBytes({ method: 'GET', path: '/' }))).rejects.toThrow('closed the connection');
  closing.close();
});

test('a request has its token, its body and the length of that in bytes', () => {
  const text = requestBytes({ method: 'POST', path: '/x', token: 't' }, '"é"').toString();
  expect(text).toMatch(/^POST \/x HTTP\/1\.1\r\n/);
  expect(text).toContain('authorization: Bearer t\r\n');
  expect(text).toMatch(/content-length: 4\r\n\r\n"é"$/);
});
