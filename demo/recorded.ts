/**
 * Transmissions that real analyzers sent, as they were recorded: a blood count of a Sysmex XP-100 and an albumin of a Roche
 * cobas c 111 (../shared/data/astm, beside the checkout; without it the step is left out, and says so). They are of a
 * specimen of their own laboratory: in O stands the number of one of ours instead, with the checksum of that frame made
 * anew, and nothing else is another. ConceptMaps of the laboratory map the analyzers' own codes.
 */
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { JsonObject } from '../src/fhir/json.ts';
import { extensions } from '../src/laboratory/terms.ts';
import { deviceOf, mapOf } from './analyzers.ts';
import { resultsOf, waitForResults, type Result, type Staff } from './laboratory.ts';
import { freePort } from './server.ts';
import { eventually, parameters, refer, resourcesOf, type Asker, type World } from './world.ts';

const folder = join(import.meta.dirname, '../../shared/data/astm');

interface Recording {
  readonly name: string;
  readonly driver: string;
  readonly file: string;
  /** The analyzer's own codes → LOINC, and the analyte of the catalogue. */
  readonly codes: Readonly<Record<string, readonly [loinc: string, analyte: string]>>;
  /** The kind of tube that it measured. */
  readonly container: string;
}

const recordings: readonly Recording[] = [
  {
    ...{ name: 'Sysmex XP-100', driver: 'sysmex-xp', container: 'EDTA' },
    file: 'senaite+senaite.astm/src/senaite/astm/tests/data/sysmex_xp100.txt',
    codes: {
      ...({ WBC: ['6690-2', 'wbc'], RBC: ['789-8', 'rbc'], HGB: ['718-7', 'hb'], HCT: ['4544-3', 'hct'] } as const),
      ...({ MCV: ['787-2', 'mcv'], MCH: ['785-6', 'mch'], MCHC: ['786-4', 'mchc'] } as const),
      ...({ PLT: ['777-3', 'plt'], 'RDW-CV': ['788-0', 'rdw'], MPV: ['32623-1', 'mpv'] } as const),
    },
  },
  {
    ...{ name: 'cobas c 111', driver: 'roche-cobas-c111', container: 'Serum' },
    file: 'senaite+senaite.astm/src/senaite/astm/tests/data/cobas_c111.txt',
    codes: { 413: ['1751-7', 'albumin'] },
  },
];

/** Registers somebody at the desk, and lets the recorded analyzers measure what was ordered. */
export async function takeRecorded(world: World, people: Staff, reception: Asker): Promise<void> {
  if (!existsSync(folder)) {
    world.tell('Left out: there are no recordings of analyzers in ../shared/data/astm beside this checkout.');
    return;
  }
  const { patient, tubes } = await orderAtDesk(people, reception);
  world.tell('Omar Saleh came to the desk: a blood count and albumin were ordered, both tubes collected and received.');
  for (const recording of recordings) {
    const number = tubes[recording.container];
    assert.ok(number !== undefined, `There is no tube ${recording.container}.`);
    await replay(world, people, { recording, number });
    const analytes = Object.values(recording.codes).map(([, analyte]) => analyte);
    const results = await waitForResults(people.technician, patient, analytes);
    world.tell(`${recording.name}, as it was recorded: ${comparedWith(recording, results).join(', ')}.`);
  }
  const unmapped = await waitingCodes(people);
  world.tell(`What nobody ordered is kept beside, and codes without a mapping wait as Tasks: ${unmapped.join(', ')}.`);
  const released = await release(people, patient);
  world.tell(`What is normal was released by the rules; the pathologist released ${released} others after a look.`);
}

/** Codes that no ConceptMap has, of which each is a Task. */
async function waitingCodes({ technician }: Staff): Promise<string[]> {
  const sent = recordings.flatMap((one) => [...sentValues(one).keys()].filter((code) => one.codes[code] === undefined));
  return await eventually('A Task for each code without a mapping', async () => {
    const tasks = await technician.find('Task?code=message-error&status=ready&_count=100');
    const told = tasks.flatMap(({ description }) => /maps (\S+)\./.exec(String(description))?.[1] ?? []);
    return sent.every((code) => told.includes(code)) ? sent : undefined;
  });
}

async function orderAtDesk(
  { phlebotomist, technician }: Staff,
  reception: Asker,
): Promise<{ patient: string; tubes: Record<string, string> }> {
  const patient = refer(
    await reception.post('Patient', {
      ...{ resourceType: 'Patient', gender: 'male', birthDate: '1979-05-14' },
      name: [{ family: 'Saleh', given: ['Omar'] }],
    }),
  );
  const ordered = await reception.post(
    'ServiceRequest/$order',
    parameters(['patient', patient], ['test', 'fbc'], ['test', 'albumin']),
    201,
  );
  const orders = resourcesOf(ordered, 'order').map((one): [string, string] => ['order', refer(one)]);
  const specimens = resourcesOf(await phlebotomist.post('Specimen/$accession', parameters(...orders), 201), 'specimen');
  const tubes: Record<string, string> = {};
  for (const specimen of specimens) {
    await phlebotomist.post(`${refer(specimen)}/$collect`, parameters());
    await technician.post(`${refer(specimen)}/$receive`, parameters());
    const of = recordings.find(({ container }) => JSON.stringify(specimen['container']).includes(container));
    tubes[of?.container ?? ''] = String((specimen['accessionIdentifier'] as JsonObject)['value']);
  }
  return { patient, tubes };
}

/** An interface for the analyzer that made the recording, and the recording on its line, frame by frame. */
async function replay(
  { server }: World,
  { administrator, technician }: Staff,
  { recording, number }: { recording: Recording; number: string },
): Promise<void> {
  const { name, driver, codes, file } = recording;
  const [device, map, port] = [
    await deviceOf(technician, name, driver),
    await mapOf(administrator, driver, loincOf(codes)),
    await freePort(),
  ];
  await server.makhbar(
    ...['interface', 'add', 'demo', '--astm', '--name', name, '--allow', 'loopback', '--port', String(port)],
    ...['--driver', driver, '--concept-map', map, '--device', device, '--zone', 'Asia/Aden'],
  );
  const socket = await eventually(`The port of the ${name}`, async () => {
    const opened = connect(port, '127.0.0.1');
    return await once(opened, 'connect').then(
      () => opened,
      () => undefined,
    );
  });
  try {
    for (const part of [Buffer.of(enq), ...framesOf(readFileSync(join(folder, file)), number)]) {
      socket.write(part);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      assert.equal(answer[0], ack, `The ${name} was answered ${answer.toString('hex')}.`);
    }
    socket.write(Buffer.of(eot));
  } finally {
    socket.end();
  }
}

function loincOf(codes: Recording['codes']): Record<string, string> {
  return Object.fromEntries(Object.entries(codes).map(([code, [loinc]]) => [code, loinc]));
}

const [stx, eot, enq, ack] = [0x02, 0x04, 0x05, 0x06];

/** The frames of a recording; where O names the specimen (O.4 of these, as the instrument calls it) stands our number. */
function framesOf(recorded: Buffer, number: string): Buffer[] {
  const frames = recorded
    .toString('latin1')
    .split(String.fromCharCode(stx))
    .slice(1)
    .map((frame) => /^[^\x03\x17]*[\x03\x17]/.exec(frame)?.[0] ?? '');
  return frames.map((frame) => {
    const content = frame.replace(
      /((?:^\d|\r)O\|\d*\|[^|]*\|[\s^]*)[^|^\r]+/,
      (_, before: string) => `${before}${number}`,
    );
    const sum = Buffer.from(content, 'latin1').reduce((total, byte) => total + byte, 0) % 256;
    const checksum = sum.toString(16).toUpperCase().padStart(2, '0');
    return Buffer.from(`${String.fromCharCode(stx)}${content}${checksum}\r\n`, 'latin1');
  });
}

/** The values of a recording as they stand in its R records, by the analyzer's code. */
function sentValues({ file }: Recording): Map<string, string> {
  const records = readFileSync(join(folder, file), 'latin1').split(/[\r\n]/);
  return new Map(
    records.flatMap((record) => {
      const [, code = '', value = '', unit = ''] = /R\|\d+\|\^+([^|^]+)[^|]*\|\s*([^|]*)\|([^|]*)/.exec(record) ?? [];
      return code === '' ? [] : [[code, `${value} ${unit}`] as const];
    }),
  );
}

/** Each result says what the analyzer wrote, digit by digit. @returns how it reads where the catalogue has another unit */
function comparedWith(recording: Recording, results: Record<string, Result>): string[] {
  const sent = sentValues(recording);
  return Object.entries(recording.codes).map(([code, [, analyte]]) => {
    const [said, result] = [sent.get(code), results[analyte]];
    const kept = extensions(result?.resource ?? {}, 'measured')[0]?.['valueString'];
    assert.equal(kept, `${code} ${said}`);
    return said === result?.value ? `${analyte} ${said}` : `${analyte} ${said} (${result?.value})`;
  });
}

/** @returns how many results waited for a person */
async function release({ technician, pathologist }: Staff, patient: string): Promise<number> {
  const { '': _unordered, ...ordered } = await resultsOf(technician, patient);
  const open = Object.values(ordered).filter(({ status }) => status === 'preliminary');
  await technician.post(
    'Observation/$review',
    parameters(...open.map(({ reference }): [string, string] => ['result', reference])),
  );
  for (const report of await pathologist.find(`DiagnosticReport?subject=${patient}&status=preliminary,partial`)) {
    const released = await pathologist.post(`${refer(report)}/$release`, parameters());
    assert.equal(released['status'], 'final');
  }
  return open.length;
}
