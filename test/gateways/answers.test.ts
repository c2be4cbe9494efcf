/** What is answered by more than an acknowledgement: questions for patients, and orders one by one. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import { makeBench, message, type Bench } from './bench.ts';
import { codeOf } from './mllp-client.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
}, 60_000);
afterAll(() => bench.sender.close());

let sent = 0;
async function ask(type: string, ...segments: string[]): Promise<string> {
  const [answer = ''] = await bench.sender.send(message(bench, type, `q${++sent}`, ...segments));
  return answer;
}

/** The family names of the patients that an answer has. */
function names(answer: string): string[] {
  return [...answer.matchAll(/\rPID\|1\|\|[^|]*\|\|([^^|]*)/g)].map(([, name = '']) => name);
}

test('patients are told only where the interface is set to tell them', async () => {
  for (const [number, name, born, sex] of [
    ['1', 'Haddad^Samir', '19710512', 'M'],
    ['2', 'Haddad^Lina', '19840502', 'F'],
    ['3', 'Nasser^Amal', '19800101', 'F'],
  ]) {
    const pid = `PID|1||${number}^^^MRN^MR||${name}||${born}|${sex}|||Main 1^^Aden`;
    expect(codeOf(await ask('ADT^A28^ADT_A05', pid))).toBe('AA');
  }
  const question = ['QPD|Q21^Get person^L|t1|2^^^MRN', 'RCP|I'];
  const refused = await ask('QBP^Q21^QBP_Q21', ...question);
  expect([codeOf(refused), names(refused)]).toEqual(['AR', []]);
  expect(refused).toMatch(/QAK\|t1\|AR/);
  const { facility, lab } = bench;
  const { entry } = (await (await lab.fetch('Endpoint')).json()) as { entry: { resource: { id: string } }[] };
  const id = entry[0]?.resource.id ?? '';
  const set = { patientQueries: true, orderAnswers: true };
  const settings = { name: 'test', address: 'mllp://localhost', allowed: ['loopback'], facility, ...set };
  const changed = await lab.fetch(`Endpoint/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ ...interfaceEndpoint(settings), id }),
  });
  expect(changed.status).toBe(200);
  let answer = '';
  for (const end = Date.now() + 120_000; Date.now() < end && codeOf(answer) !== 'AA'; await pause(300)) {
    answer = await ask('QBP^Q21^QBP_Q21', ...question);
  }
  expect(answer).toMatch(/^MSH\|[^\r]*\|RSP\^K21\^RSP_K21\|/);
  // Who was told is in the log, with the patient.
  const { entry: log = [] } = (await (await lab.fetch('AuditEvent?subtype=message-sent')).json()) as {
    entry?: { resource: unknown }[];
  };
  const [patient] = (
    (await (await lab.fetch('Patient?given=Lina')).json()) as { entry: { resource: { id: string } }[] }
  ).entry;
  expect(JSON.stringify(log)).toContain(`Patient/${patient?.resource.id}`);
  expect(answer).toMatch(/QAK\|t1\|OK\|Q21\^Get person\^L\rQPD\|Q21\^Get person\^L\|t1\|2\^\^\^MRN\rPID\|1\|\|2\^/);
  expect(names(answer)).toEqual(['Haddad']);
}, 90_000);

test.each<[string, string, string, string, string[]]>([
  ['nobody', 'Q21', '9^^^MRN', 'NF', []],
  ['another authority', 'Q21', '2^^^OTHER', 'NF', []],
  ['by name', 'Q22', '@PID.5.1^Haddad', 'OK', ['Haddad', 'Haddad']],
  ['by name and sex', 'Q22', '@PID.5.1.1^Hadd*~@PID.8^F', 'OK', ['Haddad']],
  ['by birth date', 'Q22', '@PID.7^19800101', 'OK', ['Nasser']],
  ['by identifier', 'Q22', '@PID.3.1^3~@PID.3.4.1^MRN', 'OK', ['Nasser']],
  ['cross references', 'Q23', '1^^^MRN', 'OK', ['Haddad']],
  ['by nothing', 'Q22', '', 'AE', []],
  ['by what is not asked for', 'Q22', '@PID.19^123', 'AE', []],
  ['a date that is none', 'Q22', '@PID.7^19809901', 'AE', []],
  ['an identifier without a value', 'Q21', '^^^MRN', 'AE', []],
])('%s (%s)', async (_name, event, question, status, expected) => {
  const answer = await ask(`QBP^${event}^QBP_Q21`, `QPD|${event}^Question^L|t2|${question}`, 'RCP|I|20^RD');
  expect(/\rQAK\|t2\|([A-Z]+)/.exec(answer)?.[1]).toBe(status);
  expect(names(answer)).toEqual(expected);
});

test('a record that was merged is told as the one that took its place', async () => {
  expect(codeOf(await ask('ADT^A40^ADT_A39', 'PID|1||1^^^MRN^MR||Haddad^Samir', 'MRG|2^^^MRN^MR'))).toBe('AA');
  const answer = await ask('QBP^Q21^QBP_Q21', 'QPD|Q21^Get person^L|t3|2^^^MRN', 'RCP|I');
  expect(answer).toMatch(/\rPID\|1\|\|1\^\^\^/);
  expect(names(answer)).toEqual(['Haddad']);
});

test('what has nothing else to tell is bounded', async () => {
  const answer = await ask('QBP^Q22^QBP_Q21', 'QPD|Q22^Candidates^L|t4|@PID.5.1^Haddad', 'RCP|I|1^RD');
  expect(names(answer)).toHaveLength(1);
});

describe('ORL (§4.4.7)', () => {
  const pid = 'PID|1||1^^^MRN^MR||Haddad^Samir';
  const obr = (number: string): string => `OBR|1|${number}^HIS||2345-7^Glucose^LN`;

  test('each order of an OML is told to be accepted, or cancelled', async () => {
    const made = await ask('OML^O21^OML_O21', pid, 'ORC|NW|O-1^HIS', obr('O-1'), 'ORC|NW|O-2^HIS', obr('O-2'));
    expect(made).toMatch(/^MSH\|[^\r]*\|ORL\^O22\^ORL_O22\|/);
    expect(made).toMatch(
      /\rMSA\|AA\|[^\r]*\rPID\|1\|\|1\^[^\r]*\rORC\|OK\|O-1\^HIS\|\rOBR\|[^\r]*\rORC\|OK\|O-2\^HIS\|\r/,
    );
    const cancelled = await ask('OML^O21^OML_O21', pid, 'ORC|CA|O-2^HIS', obr('O-2'));
    expect(cancelled).toMatch(/\rMSA\|AA\|[^\r]*\rPID[^\r]*\rORC\|CR\|O-2\^HIS\|\r/);
  });

  test('what waits for somebody is not accepted', async () => {
    const refused = await ask('OML^O21^OML_O21', pid, 'ORC|NW', 'OBR|1|||2345-7^Glucose^LN');
    expect(codeOf(refused)).toBe('AE');
    expect(refused).toMatch(/\rORC\|UA\|\|\r/);
  });
});
