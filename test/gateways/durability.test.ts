/**
 * SIGKILL while messages arrive: between storing and acknowledgement, and between acknowledgement and application. What was
 * acknowledged is there after the restart; what was not can be sent again; nothing is applied twice.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Client } from '../../conformance/client.ts';
import { serverOfFile } from '../durability/own-server.ts';
import { clientOf, killServer, startServer, stopServer } from '../durability/process.ts';
import { codeOf, openSender, type Sender } from './mllp-client.ts';

const own = serverOfFile('messages');

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function restart(): Promise<number> {
  const port = await freePort();
  own.running = await startServer(own.dataDir, { HL7_PORT: String(port) });
  return port;
}

function result(id: string, { acks = '', results = 1 }: { acks?: string; results?: number } = {}): string {
  const obx = Array.from({ length: results }, (_, i) => `OBX|${i + 1}|NM|T${i}^T^L||${i}|mmol/L^^UCUM|||||F`);
  return [
    `MSH|^~\\&|APP|HOSP|LAB|LAB|20260131081500||ORU^R01|${id}|P|2.5.1|||${acks}`,
    'PID|1||4711^^^MRN^MR||Ali^Omar',
    `OBR|1||F-${id}^LIS|24323-8^CMP^LN|||20260131080000||||||||||||||||||F`,
    ...obx,
    '',
  ].join('\r');
}

async function observationsOf(client: Client, id: string): Promise<number> {
  const query = `Observation?_summary=count&_has:DiagnosticReport:result:identifier=F-${id}`;
  const { json } = await client.send('GET', query);
  return Number(json.total);
}

async function sendUntilClosed(sender: Sender, name: string, acknowledged: string[]): Promise<string> {
  for (let i = 0; ; i++) {
    try {
      const [answer] = await sender.send(result(`${name}-${i}`));
      expect(codeOf(answer)).toBe('AA');
      acknowledged.push(`${name}-${i}`);
    } catch {
      return `${name}-${i}`;
    }
  }
}

test.each([
  ['the server', false],
  ['the server and PostgreSQL', true],
])(
  'killing %s loses nothing that was acknowledged; what is sent again is applied once',
  async (what, database) => {
    await stopServer(own.running);
    const port = await restart();
    const senders = await Promise.all([openSender(port), openSender(port), openSender(port)]);
    const acknowledged: string[] = [];
    const name = what.length.toString();
    const sending = senders.map((sender, i) => sendUntilClosed(sender, `${name}-${i}`, acknowledged));
    while (acknowledged.length < 3) await pause(20);
    await pause(Math.random() * 1_000);
    await killServer(own.running, database);
    const unanswered = await Promise.all(sending);
    expect(acknowledged.length).toBeGreaterThan(0);
    const again = await openSender(await restart());
    for (const id of unanswered) expect(codeOf((await again.send(result(id)))[0])).toBe('AA');
    for (const id of acknowledged.slice(-3)) expect(codeOf((await again.send(result(id)))[0])).toBe('AA');
    again.close();
    const client = await clientOf(own.running);
    const counts = await Promise.all(
      [...acknowledged.slice(-20), ...unanswered].map((id) => observationsOf(client, id)),
    );
    expect(new Set(counts)).toEqual(new Set([1]));
    const { json } = await client.send('GET', 'Patient?_summary=count&identifier=4711');
    expect(json.total).toBe(1);
  },
  180_000,
);

test('what was taken with CA and not yet applied is applied after the restart, though nobody sends it again', async () => {
  await stopServer(own.running);
  const sender = await openSender(await restart());
  const [taken] = await sender.send(result('taken', { acks: 'AL|NE', results: 200 }));
  await killServer(own.running, false);
  expect(codeOf(taken)).toBe('CA');
  await restart();
  expect(await observationsOf(await clientOf(own.running), 'taken')).toBe(200);
}, 180_000);

test('while the database is away nothing is acknowledged; the same message is taken when it is back', async () => {
  const sender = await openSender(await (await stopServer(own.running), restart()));
  expect(codeOf((await sender.send(result('before')))[0])).toBe('AA');
  const pid = Number((await readFile(join(own.dataDir, 'postgresql', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  process.kill(pid, 'SIGKILL');
  await expect(sender.send(result('away'))).rejects.toThrow('closed after 0');
  await killServer(own.running, false);
  const again = await openSender(await restart());
  expect(codeOf((await again.send(result('away')))[0])).toBe('AA');
  again.close();
}, 180_000);
