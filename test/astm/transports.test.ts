/** An analyzer of its own code (simulator.ts) and our line, over a socket and over a serial line: each way. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { readQuery, workRecords, type SpecimenWork } from '../../src/astm/query.ts';
import { readRecords } from '../../src/astm/record.ts';
import { standardLink } from '../../src/astm/settings.ts';
import { astmLine, type Line } from '../../src/gateways/astm/line.ts';
import { serialAddress } from '../../src/astm/serial-address.ts';
import { keepSerial, openSerial } from '../../src/gateways/astm/serial.ts';
import { chemistry } from './messages.ts';
import { analyzer } from './simulator.ts';
import { noTerminals, terminals } from './terminals.ts';

const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

async function sockets(): Promise<[Duplex, Duplex]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [host] = (await accepted) as [Socket];
  server.close();
  endings.push(
    () => client.destroy(),
    () => host.destroy(),
  );
  return [host, client];
}

const settingsOf = (path: string) => serialAddress(`serial://${path}`)!;

async function serialLines(): Promise<[Duplex, Duplex]> {
  const made = await terminals();
  endings.push(() => made.close());
  const [host, client] = [await openSerial(settingsOf(made.paths[0])), await openSerial(settingsOf(made.paths[1]))];
  for (const port of [host, client]) {
    port.on('error', () => undefined);
    endings.push(() => port.destroy());
  }
  return [host, client];
}

const work: SpecimenWork = {
  specimen: 'S-1',
  patient: 'P-1',
  family: 'حداد',
  given: 'Samir',
  birthDate: '',
  sex: 'M',
  tests: ['GLU', 'CREA'],
  priority: 'R',
  action: 'A',
};

/** A host that keeps what comes, and answers questions with the work of one specimen. */
function host(stream: Duplex): { line: Line; messages: string[]; refused: string[] } {
  const [messages, refused]: [string[], string[]] = [[], []];
  const line = astmLine(stream, {
    settings: standardLink,
    store: (content) => {
      messages.push(content.toString());
      const [query] = readRecords(content).records.filter(({ type }) => type === 'Q');
      if (query !== undefined) void deliver(line, readQuery(query).specimens.includes('S-1') ? [work] : []);
      return Promise.resolve();
    },
    told: (what) => void (what.kind === 'refused' && refused.push(what.rule)),
  });
  return { line, messages, refused };
}

/** As the standard has it, the answer is sent when the question has ended. */
async function deliver(line: Line, works: readonly SpecimenWork[], answers = true): Promise<void> {
  const records = workRecords(works, { sender: 'Makhbar', at: '20260302080000', answers });
  for (;;) {
    const sent = await line.send(records.map((record) => Buffer.from(record)));
    if (sent.delivered) return;
    await new Promise((done) => setTimeout(done, 20));
  }
}

const missing = noTerminals();
if (missing !== undefined) process.stderr.write(`test/astm/transports: serial lines skipped, ${missing}\n`);
const lines = { 'a socket': sockets, ...(missing === undefined && { 'a serial line': serialLines }) };

describe.each(Object.entries(lines))('over %s', (_name, open) => {
  test('results come in, a damaged frame again', async () => {
    const [stream, other] = await open();
    const { messages, refused } = host(stream);
    expect(await analyzer(other, { damage: [0, 3] }).send(chemistry)).toBe('ANAAANAAAA');
    expect(messages).toEqual([chemistry.map((record) => `${record}\r`).join('')]);
    expect(refused).toEqual([expect.stringContaining('checksum'), expect.stringContaining('checksum')]);
  });

  test('a question is answered with the work of the specimen, or that there is none', async () => {
    const [stream, other] = await open();
    host(stream);
    const instrument = analyzer(other);
    const known = await instrument.ask('S-1');
    expect(known.map(([type]) => type).join('')).toBe('HPOL');
    expect(known[1]).toContain('حداد');
    expect(known[2]).toContain('^^^GLU\\^^^CREA');
    expect(known[3]).toBe('L|1|F');
    expect((await instrument.ask('S-2')).at(-1)).toBe('L|1|I');
    expect(await instrument.send(chemistry)).toBe('A'.repeat(1 + chemistry.length));
  });

  test('orders are downloaded without a question', async () => {
    const [stream, other] = await open();
    const { line } = host(stream);
    const orders = analyzer(other).orders();
    await deliver(line, [work], false);
    expect((await orders).at(-1)).toBe('L|1|N');
  });
});

(missing === undefined ? test : test.skip)('a line that comes back is served again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'serial-'));
  endings.push(() => rmSync(folder, { recursive: true }));
  // Numbers of terminals are used again, by whoever needs one: a name of ours is not.
  const path = join(folder, 'line');
  const first = await terminals();
  symlinkSync(first.paths[0], path);
  const served: Duplex[] = [];
  const told: string[] = [];
  const messages: Buffer[] = [];
  const kept = keepSerial(settingsOf(path), {
    again: 20,
    told: (reason) => void told.push(reason),
    serve: async (stream) => {
      served.push(stream);
      const store = (content: Buffer) => Promise.resolve(void messages.push(content));
      await astmLine(stream, { settings: standardLink, store, told: () => undefined }).ended;
    },
  });
  endings.push(() => kept.stop());
  await until(() => served.length === 1);
  rmSync(path);
  await first.close();
  await until(() => told.length === 2);
  expect(told).toEqual(['The line was closed.', expect.stringMatching(/no such file/i)]);
  expect(kept.stream).toBeUndefined();
  const second = await terminals();
  endings.push(() => second.close());
  symlinkSync(second.paths[0], path);
  await until(() => served.length === 2);
  const instrument = await openSerial(settingsOf(second.paths[1]));
  endings.push(() => instrument.destroy());
  expect(await analyzer(instrument).send(chemistry)).toBe('A'.repeat(1 + chemistry.length));
  expect(messages).toHaveLength(1);
  await kept.stop();
  expect([served[1]?.destroyed, kept.stream]).toEqual([true, undefined]);
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 6_000) throw new Error('It did not come about.');
    await new Promise((done) => setTimeout(done, 10));
  }
}

test.each<[string, object | undefined]>([
  ['serial:///dev/ttyUSB0', { path: '/dev/ttyUSB0', baudRate: 9_600, dataBits: 8, parity: 'none', stopBits: 1 }],
  [
    'serial:///dev/ttyS1?baud=2400&data=7&parity=even&stop=2',
    { baudRate: 2_400, dataBits: 7, parity: 'even', stopBits: 2 },
  ],
  ['serial://COM3', { path: 'COM3' }],
  ['serial:///dev/ttyS1?baud=1', undefined],
  ['serial:///dev/ttyS1?speed=9600', undefined],
  ['serial:///dev/../etc/passwd', undefined],
  ['tcp://127.0.0.1:1394', undefined],
])('%s', (address, expected) => {
  if (expected === undefined) expect(serialAddress(address)).toBeUndefined();
  else expect(serialAddress(address)).toMatchObject(expected);
});
