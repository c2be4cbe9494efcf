/** Appointments, documents and master files over MLLP: what is there is changed, and what was replaced is marked so. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeBench, message, type Bench } from './bench.ts';
import { codeOf } from './mllp-client.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
}, 60_000);
afterAll(() => bench.sender.close());

type Found = Record<string, unknown>;

async function found(query: string): Promise<Found[]> {
  const answer = await bench.lab.fetch(query);
  expect(answer.status).toBe(200);
  const { entry = [] } = (await answer.json()) as { entry?: { resource: Found }[] };
  return entry.map(({ resource }) => resource);
}

let sent = 0;
async function send(type: string, ...segments: string[]): Promise<string> {
  const [answer = ''] = await bench.sender.send(message(bench, type, `t${++sent}`, ...segments));
  return codeOf(answer);
}

const pid = 'PID|1||4711^^^MRN^MR||Haddad^Samir||19710512|M';

test('an appointment is booked, put off and cancelled', async () => {
  const at = (time: string): string => `SCH|A-1^HIS||||||ROUTINE^Routine^HL70276||15|MIN|^^^${time}`;
  expect(await send('SIU^S12^SIU_S12', at('20260303093000'), pid)).toBe('AA');
  expect(await send('SIU^S13^SIU_S12', at('20260304100000'), pid)).toBe('AA');
  expect(await found('Appointment?date=2026-03-04')).toMatchObject([
    { status: 'booked', start: '2026-03-04T10:00:00+03:00', meta: { versionId: '2' } },
  ]);
  expect(await send('SIU^S15^SIU_S12', 'SCH|A-1^HIS', pid)).toBe('AA');
  expect(await found('Appointment')).toMatchObject([{ status: 'cancelled', start: '2026-03-04T10:00:00+03:00' }]);
});

test('a document that replaces another marks it; where there is none, none is made', async () => {
  const obx = (text: string): string => `OBX|1|TX|11488-4^Consult note^LN||${text}||||||F`;
  const txa = (number: string, parent: string): string =>
    `TXA|1|CN|TX|||20260302075000||||||${number}^DOC|${parent}||||LA`;
  expect(await send('MDM^T02^MDM_T02', pid, txa('D-1', ''), obx('Anaemia'))).toBe('AA');
  expect(await send('MDM^T10^MDM_T02', pid, txa('D-2', 'D-1^DOC'), obx('No anaemia'))).toBe('AA');
  expect(await send('MDM^T10^MDM_T02', pid, txa('D-4', 'D-3^DOC'), obx('Other'))).toBe('AA');
  const statuses = (await found('DocumentReference')).map(({ masterIdentifier, status }) => [
    (masterIdentifier as { value: string }).value,
    status,
  ]);
  expect(Object.fromEntries(statuses)).toEqual({ 'D-1': 'superseded', 'D-2': 'current', 'D-4': 'current' });
});

test('staff and tests of a master file are found again', async () => {
  const staff = (event: string, family: string): string[] => [`MFE|${event}|1||77|CE`, `STF|77||${family}^Amal||F`];
  expect(await send('MFN^M02^MFN_M02', 'MFI|PRA||UPD|||AL', ...staff('MAD', 'Nasser'))).toBe('AA');
  expect(await send('MFN^M02^MFN_M02', 'MFI|PRA||UPD|||AL', ...staff('MDC', 'Nasser'))).toBe('AA');
  expect(await found('Practitioner')).toMatchObject([{ active: false, name: [{ family: 'Nasser' }] }]);
  const om = (low: string): string[] => [
    'MFE|MAD|1||K|CE',
    'OM1|1|2823-3^Potassium^LN|NM|Y',
    `OM2|1|mmol/L^mmol/L^UCUM|1|||${low}&5.10`,
  ];
  expect(await send('MFN^M08^MFN_M08', 'MFI|OMA||UPD|||AL', ...om('3.40'))).toBe('AA');
  expect(await send('MFN^M08^MFN_M08', 'MFI|OMA||UPD|||AL', ...om('3.50'))).toBe('AA');
  expect(await (await bench.lab.fetch('ObservationDefinition')).text()).toMatch(
    /"value": ?3\.50\b.*"value": ?5\.10\b/s,
  );
  expect(await found('ObservationDefinition')).toMatchObject([{ meta: { versionId: '2' } }]);
});

const entries = (...mfe: string[]): string[] => mfe.flatMap((one, i) => [one, `STF|90${i}||Nasser^Amal||F`]);
const masterFiles: [string, string[], string, RegExp[]][] = [
  [
    'AL',
    entries('MFE|MAD|e1||900|CE', 'MFE|MUP|e2||901|CE'),
    'AA',
    [/^MFA\|MAD\|e1\|\d{14}\+0000\|S\^[^|]*\|900\|CE$/, /^MFA\|MUP\|e2\|.*\|S\^/],
  ],
  ['NE', entries('MFE|MAD|e1||900|CE'), 'AA', []],
  ['ER', entries('MFE|MAD|e1||900|CE'), 'AA', []],
  ['SU', entries('MFE|MAD|e1||900|CE'), 'AA', [/^MFA\|MAD\|e1\|/]],
  ['ER', ['MFE|MAD|e1||900|CE'], 'AE', [/^MFA\|MAD\|e1\|.*\|U\^Unsuccessful\^HL70181\|900\|CE$/]],
];

test.each(masterFiles)(
  'a master file is answered by MFK, its entries as MFI-6 %s says: %j %s',
  async (level, segments, code, expected) => {
    const control = `t${++sent}`;
    const mfi = `MFI|PRA||UPD|||${level}`;
    const [answer = ''] = await bench.sender.send(message(bench, 'MFN^M02^MFN_M02', control, mfi, ...segments));
    const lines = answer.split('\r').filter((line) => line !== '');
    expect(lines[0]).toContain('|MFK^M02^MFK_M01|');
    expect(lines.find((line) => line.startsWith('MSA'))).toMatch(new RegExp(`^MSA\\|${code}\\|${control}\\b`));
    const rest = lines.filter((line) => !/^(?:MSH|MSA|ERR)/.test(line));
    expect(rest[0]).toBe(mfi);
    expect(rest.slice(1)).toEqual(expected.map((one) => expect.stringMatching(one)));
  },
);

test('a query that is cancelled was answered already', async () => {
  expect(await send('QCN^J01^QCN_J01', 'QID|q-1|Q22^Find Candidates^HL70471')).toBe('AA');
});

test('a search parameter of the laboratory finds what came by message', async () => {
  const parameter = {
    resourceType: 'SearchParameter',
    url: 'https://lab.example/SearchParameter/comment',
    name: 'AppointmentComment',
    status: 'active',
    description: 'What was told with an appointment.',
    code: 'comment',
    base: ['Appointment'],
    type: 'string',
    expression: 'Appointment.comment',
  };
  const headers = { 'content-type': 'application/fhir+json' };
  const made = await bench.lab.fetch('SearchParameter', { method: 'POST', headers, body: JSON.stringify(parameter) });
  expect(made.status).toBe(201);
  const fasting = ['SCH|A-9^HIS||||||||15|MIN|^^^20260309093000', 'NTE|1||Fasting', pid];
  expect(await send('SIU^S12^SIU_S12', ...fasting)).toBe('AA');
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(200)) {
    const answer = await bench.lab.fetch('Appointment?comment=fast');
    if (answer.status === 200) break;
  }
  expect(await found('Appointment?comment=fast')).toMatchObject([{ comment: 'Fasting' }]);
  const later = ['SCH|A-10^HIS||||||||15|MIN|^^^20260309103000', 'NTE|1||Fasting too', pid];
  expect(await send('SIU^S12^SIU_S12', ...later)).toBe('AA');
  expect(await found('Appointment?comment=fast')).toHaveLength(2);
}, 90_000);
