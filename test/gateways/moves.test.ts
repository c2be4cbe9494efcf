/** Patients linked and unlinked (A24, A37); accounts and visits that were another patient's (A44, A45). */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listMessages } from '../../src/store/messages.ts';
import { makeBench, message, session, type Bench } from './bench.ts';
import { codeOf } from './mllp-client.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
}, 60_000);
afterAll(() => bench.sender.close());

let sent = 0;
/** @returns the code of the acknowledgement, and what its ERR say */
async function send(type: string, ...segments: string[]): Promise<string> {
  const [answer = ''] = await bench.sender.send(message(bench, type, `m${++sent}`, ...segments));
  const said = answer.split('\r').flatMap((line) => (line.startsWith('ERR') ? [line.split('|')[8] ?? ''] : []));
  return [codeOf(answer), ...said].join(' ');
}

/** A segment of the fields that are given by their numbers. */
function segment(name: string, fields: Readonly<Record<number, string>>): string {
  const most = Math.max(...Object.keys(fields).map(Number));
  return [name, ...Array.from({ length: most }, (_, i) => fields[i + 1] ?? '')].join('|');
}
const numbered = (number: string, authority: string): string => (number === '' ? '' : `${number}^^^${authority}`);
const pid = (number: string, account = ''): string =>
  segment('PID', { 1: '1', 3: numbered(number, 'MRN'), 5: `Haddad^N${number}`, 18: numbered(account, 'ACC') });
const visit = (number: string): string => segment('PV1', { 1: '1', 2: 'I', 3: 'W^1', 19: numbered(number, 'VIS') });
const mrg = (patient: string, account = '', number = ''): string =>
  segment('MRG', { 1: numbered(patient, 'MRN'), 3: numbered(account, 'ACC'), 5: numbered(number, 'VIS') });

interface Found {
  readonly resourceType: string;
  readonly id: string;
  readonly meta: { readonly versionId: string };
  readonly link?: readonly { readonly type: string; readonly other: { readonly reference: string } }[];
}

async function found(query: string): Promise<Found[]> {
  const answer = await bench.lab.fetch(query);
  expect(answer.status).toBe(200);
  const { entry = [] } = (await answer.json()) as { entry?: { resource: Found }[] };
  return entry.map(({ resource }) => resource);
}

const named = (number: string): string => `identifier=urn:makhbar:hl7v2:authority:MRN|${number}`;

async function links(number: string): Promise<string[]> {
  const [patient] = await found(`Patient?${named(number)}`);
  const others = (patient?.link ?? []).map(async ({ type, other }) => {
    const [linked] = await found(`Patient?_id=${other.reference.slice(8)}`);
    const { name } = linked as unknown as { name?: { given?: string[] }[] };
    return `${type} ${name?.[0]?.given?.[0] ?? ''}`;
  });
  return (await Promise.all(others)).toSorted();
}

/** How many resources of each type are of a patient. */
async function owned(number: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const type of ['Encounter', 'ServiceRequest', 'Specimen', 'Observation', 'DiagnosticReport']) {
    const some = await found(`${type}?subject.${named(number)}`);
    if (some.length > 0) counts[type] = some.length;
  }
  return counts;
}

test('A24 links two patients both ways, A37 takes that away, and nothing else', async () => {
  expect(await send('ADT^A40^ADT_A39', pid('101'), mrg('100'))).toBe('AA');
  for (let twice = 0; twice < 2; twice++) {
    expect(await send('ADT^A24^ADT_A24', pid('101'), pid('102').replace('PID|1', 'PID|2'))).toBe('AA');
  }
  expect([await links('101'), await links('102')]).toEqual([['replaces ', 'seealso N102'], ['seealso N101']]);
  expect(await send('ADT^A37^ADT_A37', pid('101'), pid('102'))).toBe('AA');
  expect([await links('101'), await links('102')]).toEqual([['replaces '], []]);
  expect(await send('ADT^A37^ADT_A37', pid('101'), pid('103'))).toBe('AA');
  expect(await found(`Patient?${named('103')}`)).toEqual([]);
  expect(await send('ADT^A24^ADT_A24', pid('101'))).toMatch(/^AE .*two PID/);
  expect(await send('ADT^A24^ADT_A24', pid('101'), pid('101'))).toMatch(/^AE .*two patients/);
});

/** An order with a specimen, a result and a report of a visit; the result and specimen do not name it. */
async function made(patient: string, number: string, account: string): Promise<void> {
  const who = [pid(patient, account), visit(number)];
  expect(await send('ADT^A01^ADT_A01', ...who)).toBe('AA');
  const obr = `OBR|1|P-${number}||718-7^Hb^LN`;
  const order = [...who, `ORC|NW|P-${number}`, obr, `SPM|1|S-${number}||BLD`];
  expect(await send('OML^O21^OML_O21', ...order)).toBe('AA');
  const result = [pid(patient), obr, 'OBX|1|NM|718-7^Hb^LN||13.5|g/dL|||||F'];
  expect(await send('ORU^R01^ORU_R01', ...result)).toBe('AA');
}

const whole = { Encounter: 1, ServiceRequest: 1, Specimen: 1, Observation: 1, DiagnosticReport: 1 };
const two = { Encounter: 2, ServiceRequest: 2, Specimen: 2, Observation: 2, DiagnosticReport: 2 };

test('A45 moves a visit with all that belongs to it, in one transaction that says so', async () => {
  await made('201', 'V1', '');
  await made('201', 'V2', '');
  expect(await send('ADT^A45^ADT_A45', pid('202'), mrg('201', '', 'V1'), visit('V1'))).toBe('AA');
  expect([await owned('201'), await owned('202')]).toEqual([whole, whole]);
  const [last] = await listMessages(session(bench.lab), { count: 1, controlId: `m${sent}` });
  expect(last?.resources.map((name) => name.split('/')[0]).toSorted()).toEqual([
    'DiagnosticReport',
    'Encounter',
    'Observation',
    'Patient',
    'Provenance',
    'ServiceRequest',
    'Specimen',
  ]);
  expect(last?.patients?.length).toBe(2);
  const explained = await bench.lab.fetch(`Endpoint/${last?.interface}/$explain-message?id=${last?.id}`);
  const text = await explained.text();
  for (const said of ['MRG-5.1', 'Encounter#1.identifier', 'Specimen/', 'moves']) expect(text).toContain(said);
  // Again, with another number: nothing is left to move.
  expect(await send('ADT^A45^ADT_A45', pid('202'), mrg('201', '', 'V1'), visit('V1'), 'ZNT|1')).toBe('AA');
  expect([await owned('201'), await owned('202')]).toEqual([whole, whole]);
});

test('A45 of a visit that is another patient’s waits; without a number it is refused', async () => {
  await made('211', 'V3', '');
  expect(await send('ADT^A45^ADT_A45', pid('212'), mrg('213', '', 'V3'), visit('V3'))).toMatch(/^AE .*visit/);
  expect(await send('ADT^A45^ADT_A45', pid('212'), mrg('211'), visit(''))).toMatch(/^AE MRG-5/);
  expect([await owned('211'), await owned('212')]).toEqual([whole, {}]);
});

test('A44 moves the visits of an account', async () => {
  await made('301', 'V11', 'A1');
  await made('301', 'V12', 'A1');
  await made('301', 'V13', 'A2');
  expect(await send('ADT^A44^ADT_A43', pid('302', 'A1'), mrg('301', 'A1'))).toBe('AA');
  expect([await owned('301'), await owned('302')]).toEqual([whole, two]);
  expect(await send('ADT^A44^ADT_A43', pid('302'), mrg('301', 'A9'))).toMatch(/^AA MRG-3 names no visit/);
  expect(await send('ADT^A44^ADT_A43', pid('302'), mrg('301'))).toMatch(/^AE MRG-3/);
});

test('a patient whom the sender has deleted is inactive, and stays with what is his', async () => {
  await made('501', 'V31', '');
  expect(await send('ADT^A29^ADT_A21', pid('501'), 'PV1|1|N')).toBe('AA');
  expect([await found(`Patient?${named('501')}&active=false`), await owned('501')]).toEqual([
    [expect.anything()],
    whole,
  ]);
  expect(await send('ADT^A23^ADT_A21', pid('502'), 'PV1|1|N')).toBe('AA');
  expect(await found(`Patient?${named('502')}`)).toEqual([]);
});

test('what a message says of a visit in passing does not open it again', async () => {
  const who = [pid('401'), visit('V21')];
  const status = async (): Promise<unknown> => {
    const [encounter] = await found('Encounter?identifier=urn:makhbar:hl7v2:authority:VIS|V21');
    return (encounter as unknown as { status: string }).status;
  };
  expect(await send('ADT^A03^ADT_A03', ...who)).toBe('AA');
  expect(await send('ORU^R01^ORU_R01', ...who, 'OBR|1|P-21||718-7^Hb^LN', 'OBX|1|NM|718-7^Hb^LN||1|g/dL|||||F')).toBe(
    'AA',
  );
  expect(await status()).toBe('finished');
});
