/** An analyzer and the laboratory's orders: results close the loop, questions are answered, by socket, by folder. */
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { eventsOf } from '../audit/log.ts';
import { testServer } from '../server.ts';
import { listMessages } from '../../src/store/messages.ts';
import { astmEndpoint } from '../../src/gateways/astm/settings.ts';
import { analyzer } from '../astm/simulator.ts';
import {
  found,
  makeAstmBench,
  makhbar,
  ordered,
  post,
  sessionOf,
  until,
  type AstmBench,
  type Json,
} from './astm-bench.ts';

let bench: AstmBench;

/** Until it holds. */
async function eventually(check: () => Promise<void>): Promise<void> {
  for (const end = Date.now() + 120_000; ; await pause(100)) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

let last = 0;
/** A number that no attempt has had. */
const fresh = (name: string): string => `${name}-${process.pid}-${++last}`;

const map = 'urn:example:map:chemistry';

function transmission(number: string, ...results: readonly string[]): string[] {
  return ['H|\\^&|||Chem^1.0||||||||LIS2-A2|20260131081500', 'P|1', `O|1|${number}||^^^GLU|R`, ...results, 'L|1|N'];
}

const chemistry: Json = {
  resourceType: 'ConceptMap',
  url: map,
  status: 'active',
  group: [
    {
      target: 'http://loinc.org',
      element: [
        { code: 'GLU', target: [{ code: '2345-7', equivalence: 'equivalent' }] },
        { code: 'CREA', target: [{ code: '2160-0', equivalence: 'equivalent' }] },
      ],
    },
  ],
};

beforeAll(async () => {
  bench = await makeAstmBench({ conceptMaps: [map] }, [chemistry]);
}, 60_000);

test('results become Observations of the order and its patient, digit by digit, that $validate passes', async () => {
  const number = fresh('S');
  const { orders, patient } = await ordered(bench.lab, number, ['2345-7', '2160-0']);
  const { analyzer, socket } = await bench.open();
  const records = transmission(
    number,
    'R|1|^^^GLU|5.10|mmol/L|3.9 to 5.6|N||F||tech||20260131081000|Chem-1',
    'C|1|I|Haemolysed|G',
    'R|2|^^^CREA|<20.0|umol/L|62 to 106|L||F||||20260131081100',
  );
  expect(await analyzer.send(records)).toBe('A'.repeat(records.length + 1));
  const [glucose] = await until(bench.lab, `Observation?code=http://loinc.org|2345-7&subject=Patient/${patient}`);
  const [creatinine] = await until(bench.lab, `Observation?code=2160-0&subject=Patient/${patient}`);
  const text = await (await bench.lab.fetch(`Observation/${String(glucose?.['id'])}`)).text();
  expect(text).toMatch(/"value": ?5\.10\b/);
  expect(glucose).toMatchObject({ status: 'final', basedOn: [{ reference: `ServiceRequest/${orders[0]}` }] });
  expect(creatinine).toMatchObject({ valueQuantity: { comparator: '<', unit: 'umol/L' } });
  for (const one of [glucose, creatinine]) {
    const answer = await bench.lab.fetch('Observation/$validate', {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(one),
    });
    expect(((await answer.json()) as { issue: Json[] }).issue.filter(({ severity }) => severity === 'error')).toEqual(
      [],
    );
  }
  // The step of each order at this analyzer is done; where it comes from is told.
  const tasks = await until(bench.lab, 'Task?status=completed&code=analyzer-work', 2);
  expect(new Set(tasks.map(({ focus }) => (focus as Json)['reference']))).toEqual(
    new Set(orders.map((id) => `ServiceRequest/${id}`)),
  );
  const [origin] = await found(bench.lab, `Provenance?target=Observation/${String(glucose?.['id'])}`);
  expect(JSON.stringify(origin)).toContain('ASTM');

  // The same again, as after an acknowledgement that was lost: one record, one version.
  expect(await analyzer.send(records)).toBe('A'.repeat(records.length + 1));
  socket.destroy();
  const again = await bench.open();
  await again.analyzer.send(records);
  await pause(500);
  expect(await found(bench.lab, `Observation?subject=Patient/${patient}`)).toHaveLength(2);
  const history = (await (await bench.lab.fetch(`Observation/${String(glucose?.['id'])}/_history`)).json()) as {
    total: number;
  };
  expect(history.total).toBe(1);
  again.socket.destroy();
  const about = await listMessages(sessionOf(bench.lab), { count: 100 });
  const [stored] = about.filter(({ raw }) => raw.includes(number));
  expect(about.filter(({ raw }) => raw.includes(number))).toHaveLength(1);
  const events = (await eventsOf(bench.lab)).filter(({ requestId }) => requestId === stored?.id);
  expect(events.map(({ kind, deed }) => [kind, deed])).toContainEqual(['message-received', 'astm R']);
  expect(events.filter(({ kind }) => kind === 'message-received')).toHaveLength(1);
}, 60_000);

test('a question is answered on the line with the work of the specimen, and not again when that is done', async () => {
  const number = fresh('S');
  const { orders } = await ordered(bench.lab, number, ['2345-7', '2160-0', '1234-5']);
  const { analyzer, socket } = await bench.open();
  const asked = await analyzer.ask(number);
  // What no ConceptMap of the analyzer knows it does not do.
  expect(asked.filter((record) => record.startsWith('O'))).toEqual([
    expect.stringMatching(new RegExp(`^O\\|1\\|${number}\\|\\|\\^\\^\\^(GLU|CREA).*(GLU|CREA)\\|R`)),
  ]);
  expect(asked.find((record) => record.startsWith('P'))).toContain(`|MRN-${number}||حداد^Samir||19800506|M`);
  expect(asked.at(-1)).toBe('L|1|F');
  expect((await analyzer.ask('S-none')).at(-1)).toBe('L|1|I');
  await analyzer.send(transmission(number, 'R|1|^^^GLU|5.0|mmol/L||||F', 'R|2|^^^CREA|80|umol/L||||F'));
  await until(bench.lab, `Task?status=completed&focus=ServiceRequest/${orders[0]}`);
  expect((await analyzer.ask(number)).at(-1)).toBe('L|1|I');
  socket.destroy();
  const sent = (await eventsOf(bench.lab)).filter(({ kind, deed }) => kind === 'message-sent' && deed === 'astm O');
  expect(sent.length).toBeGreaterThanOrEqual(3);
}, 60_000);

describe('what waits for somebody', () => {
  test('an unknown specimen: a Task with the text; when it is known the message is replayed', async () => {
    const number = fresh('S');
    const of = `Observation?specimen.accession=${number}`;
    const { analyzer, socket } = await bench.open();
    await analyzer.send(transmission(number, 'R|1|^^^GLU|6.00|mmol/L||||F'));
    const late = async (): Promise<Json[]> =>
      (await found(bench.lab, 'Task?code=message-error&_count=50')).filter((one) =>
        JSON.stringify(one).includes(number),
      );
    await eventually(async () =>
      expect(await late()).toMatchObject([{ status: 'ready', description: 'O.3 names a specimen that is not known.' }]),
    );
    expect(await found(bench.lab, of)).toEqual([]);
    await ordered(bench.lab, number, ['2345-7']);
    const [task] = await late();
    const [{ value: id }] = (task as unknown as { identifier: [{ value: string }] }).identifier;
    const { out } = await makhbar('messages', 'replay', bench.lab.tenant.name, id);
    expect(out).toContain('1 of 1 messages were applied');
    expect(await found(bench.lab, of)).toHaveLength(1);
    expect(await late()).toMatchObject([{ status: 'completed' }]);
    socket.destroy();
  }, 60_000);

  test('a code without a mapping: stored as it came, and one Task for the code until it is mapped', async () => {
    const number = fresh('S');
    const code = fresh('ODD');
    await ordered(bench.lab, number, ['2345-7']);
    const { analyzer, socket } = await bench.open();
    for (const value of ['7.1', '7.2'])
      await analyzer.send(transmission(number, `R|1|^^^${code}|${value}|mmol/L||||F`));
    await until(bench.lab, `Observation?code=${code}&value-quantity=7.2`);
    const told = async (): Promise<Json[]> =>
      (await found(bench.lab, 'Task?code=message-error&_count=50')).filter((one) =>
        JSON.stringify(one).includes(`maps ${code}`),
      );
    await eventually(async () => expect(await told()).toMatchObject([{ status: 'ready' }]));
    socket.destroy();
  }, 60_000);
});

test('controls are of nobody, and apart from results', async () => {
  const { analyzer, socket } = await bench.open();
  const records = transmission('QC-1', 'R|1|^^^GLU|5.05|mmol/L||||F||||20260131070000');
  records[2] = 'O|1|QC-1||^^^GLU|R||||||Q';
  await analyzer.send(records);
  const [control] = await until(bench.lab, 'Observation?category=quality-control');
  expect(control).not.toHaveProperty('subject');
  socket.destroy();
}, 60_000);

test('files of a folder are messages of record as well; what is no result lies in failed, with the reason', async () => {
  const folder = 'incoming';
  const { lab } = bench;
  const made = await post(
    lab,
    astmEndpoint({ name: 'Folder', address: `file:${folder}`, allowed: [], driver: 'csv-results' }),
  );
  const number = fresh('S');
  const { patient } = await ordered(lab, number, ['2345-7']);
  const place = join(testServer().dataDir, 'drop', lab.tenant.name, folder);
  await eventually(async () => expect((await stat(place)).isDirectory()).toBe(true));
  const heading = 'sample;test;value;unit;flag;completed';
  await writeFile(join(place, 'one.csv'), `${heading}\n${number};GLU;5.10;mmol/L;N;2026-01-31 08:15\n`);
  await writeFile(join(place, 'two.csv'), 'nothing of the kind\n');
  const [found] = await until(lab, `Observation?subject=Patient/${patient}`);
  expect(found).toMatchObject({ valueQuantity: { value: 5.1, unit: 'mmol/L' } });
  await eventually(async () => expect(await readdir(join(place, 'done'))).toEqual(['one.csv']));
  await eventually(async () => expect(await readdir(join(place, 'failed'))).toContain('two.csv.reason.txt'));
  const { out } = await makhbar('interface', 'list', lab.tenant.name);
  expect(out).toMatch(/Analyzer  ASTM generic  shared port  any sender  from 127\./);
  expect(out).toContain('Folder  ASTM csv-results  file:incoming');
  expect(made).toMatchObject({ resourceType: 'Endpoint' });
}, 90_000);

test('an analyzer that listens: the server connects to it, and what it sends is answered', async () => {
  const listening = createServer();
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;
  const arrived = once(listening, 'connection');
  const { lab } = bench;
  await post(
    lab,
    astmEndpoint({ name: 'Listens', address: `tcp://127.0.0.1:${port}`, allowed: [], createsPatients: true }),
  );
  const [socket] = (await arrived) as [Socket];
  const instrument = analyzer(socket);
  const number = fresh('new');
  const records = transmission(number, 'R|1|^^^GLU|5.10|mmol/L||||F||||20260131081000');
  records[1] = `P|1||${number}-P||Saleh^Omar||19900102|M`;
  expect(await instrument.send(records)).toMatch(/^A+$/);
  // The interface lets it: what it names and nobody knows is made.
  const [result] = await until(lab, `Observation?patient.identifier=${number}-P`);
  expect(result).toMatchObject({ status: 'final' });
  expect(await found(lab, `Patient?identifier=${number}-P`)).toMatchObject([
    { gender: 'male', birthDate: '1990-01-02' },
  ]);
  socket.destroy();
  listening.close();
}, 90_000);
