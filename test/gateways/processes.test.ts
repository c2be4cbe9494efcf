/**
 * Two processes that take messages of one interface: what the first has acknowledged as taken is applied before what the
 * second is sent afterwards; and where resources come from is told by one Provenance for each message.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '../../conformance/client.ts';
import { serverOfFile } from '../durability/own-server.ts';
import { clientOf, startServer, stopServer, type Running } from '../durability/process.ts';
import { codeOf, openSender, type Sender } from './mllp-client.ts';

const own = serverOfFile('order');
const count = 40;

let second: Running;
let client: Client;
let senders: [Sender, Sender];

async function freePort(): Promise<string> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return String(port);
}

async function connected(port: string): Promise<Sender> {
  for (const end = Date.now() + 120_000; ; await pause(100)) {
    try {
      return await openSender(Number(port));
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

beforeAll(async () => {
  await stopServer(own.running);
  const ports = [await freePort(), await freePort()] as const;
  own.running = await startServer(own.dataDir, { HL7_PORT: ports[0] });
  const url = (await readFile(join(own.dataDir, 'postgresql.url'), 'utf8')).trim();
  second = await startServer(own.dataDir, { HL7_PORT: ports[1], DATABASE_URL: url });
  client = await clientOf(own.running);
  senders = [await connected(ports[0]), await connected(ports[1])];
}, 120_000);

afterAll(async () => {
  for (const sender of senders) sender.close();
  await stopServer(second);
}, 60_000);

function result(id: string, { order, value, acks = '' }: { order: string; value: number; acks?: string }): string {
  const obx = Array.from({ length: count }, (_, i) => `OBX|${i + 1}|NM|T${i}^T^L||${value}|mmol/L^^UCUM|||||F`);
  return [
    `MSH|^~\\&|APP|HOSP|LAB|LAB|20260131081500||ORU^R01|${id}|P|2.5.1|||${acks}`,
    'PID|1||4711^^^MRN^MR||Ali^Omar',
    `OBR|1||F-${order}^LIS|24323-8^CMP^LN|||20260131080000||||||||||||||||||F`,
    ...obx,
    '',
  ].join('\r');
}

interface Page {
  readonly entry?: readonly { readonly resource: Record<string, unknown> }[];
}

async function found(query: string): Promise<Record<string, unknown>[]> {
  const { json } = await client.send('GET', query);
  return ((json as Page).entry ?? []).map(({ resource }) => resource);
}

test('a correction that another process takes never comes before what it corrects', async () => {
  const [first, other] = senders;
  for (let n = 0; n < 5; n++) {
    const order = `order-${n}`;
    const [taken] = await first.send(result(`${order}-1`, { order, value: 1, acks: 'AL|NE' }));
    expect(codeOf(taken)).toBe('CA');
    const [applied] = await other.send(result(`${order}-2`, { order, value: 2 }));
    expect(codeOf(applied)).toBe('AA');
    const results = await found(`Observation?_count=${count}&_has:DiagnosticReport:result:identifier=F-${order}`);
    expect(results.map(({ valueQuantity, meta }) => [valueQuantity, meta])).toEqual(
      Array.from({ length: count }, () => [
        expect.objectContaining({ value: 2 }),
        expect.objectContaining({ versionId: '2' }),
      ]),
    );
  }
}, 180_000);

test('each message that changes something has one Provenance, with all that it changed', async () => {
  const [first] = senders;
  const message = result('provenance-1', { order: 'provenance', value: 7 });
  expect(codeOf((await first.send(message))[0])).toBe('AA');
  expect(codeOf((await first.send(message))[0])).toBe('AA');
  const [report] = await found('DiagnosticReport?identifier=F-provenance');
  const provenances = await found(`Provenance?target=DiagnosticReport/${String(report?.['id'])}`);
  expect(provenances).toHaveLength(1);
  const [{ target, entity, agent } = {}] = provenances as {
    target?: { reference: string }[];
    entity?: unknown;
    agent?: unknown;
  }[];
  // Order, report and results; the patient was there before and did not change.
  expect(target?.map(({ reference }) => reference.split('/')[0])).toEqual(
    expect.arrayContaining([
      'DiagnosticReport',
      'ServiceRequest',
      ...Array.from({ length: count }, () => 'Observation'),
    ]),
  );
  expect(target?.some(({ reference }) => reference.startsWith('Patient/'))).toBe(false);
  expect(JSON.stringify(entity)).toContain('urn:makhbar:message');
  expect(JSON.stringify(agent)).toContain('urn:makhbar:interface');
});
