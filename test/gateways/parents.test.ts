/** Results whose parent (OBR-26, OBR-29) came in an earlier message become members of it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listMessages } from '../../src/store/messages.ts';
import { makeBench, message, session, type Bench } from './bench.ts';
import { codeOf } from './mllp-client.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
  const organism = (number: number, code: string, name: string): string =>
    `OBX|${number}|CWE|600-7^Bacteria identified^LN|${number}|${code}^${name}^SCT||||||F`;
  for (const [patient, order] of [
    ['4711', '200'],
    ['4711', '300'],
    ['4712', '200'],
  ] as const) {
    const ecoli = organism(1, '112283007', 'Escherichia coli');
    const staph = organism(2, '3092008', 'Staphylococcus aureus');
    const obr = `OBR|1|P${order}|${patient === '4711' ? 'F' : 'G'}${order}|600-7^Blood culture^LN|||20260308060000`;
    expect(await send(patient, obr, ecoli, staph)).toEqual(['AA', '']);
  }
}, 60_000);
afterAll(() => bench.sender.close());

let sent = 0;
/** @returns the code of the acknowledgement, and its ERR */
async function send(patient: string, ...segments: string[]): Promise<[string, string]> {
  const pid = `PID|1||${patient}^^^MRN^MR||Haddad^Lina`;
  const [answer = ''] = await bench.sender.send(message(bench, 'ORU^R01^ORU_R01', `p${++sent}`, pid, ...segments));
  return [codeOf(answer), answer.split('\r').find((line) => line.startsWith('ERR')) ?? ''];
}

interface Found {
  readonly id: string;
  readonly meta: { readonly versionId: string };
  readonly hasMember?: readonly { readonly reference: string }[];
  readonly valueCodeableConcept?: { readonly text?: string };
  readonly basedOn?: readonly object[];
}

async function found(query: string): Promise<Found[]> {
  const answer = await bench.lab.fetch(query);
  expect(answer.status).toBe(200);
  const { entry = [] } = (await answer.json()) as { entry?: { resource: Found }[] };
  return entry.map(({ resource }) => resource);
}

/** The organisms that a susceptibility is a member of. */
async function parentsOf(drug: string): Promise<string[]> {
  const [member] = await found(`Observation?code=http://loinc.org|${drug}`);
  expect(member).toBeDefined();
  const parents = await found(`Observation?has-member=Observation/${member?.id}`);
  return parents.map(({ valueCodeableConcept, meta }) => `${valueCodeableConcept?.text} v${meta.versionId}`);
}

function child(number: string, parent: string, orders: string): string {
  return `OBR|1|P200|${number}|29576-6^Susceptibility^LN|||20260308060000|||||||||||||||20260311080000|||F|${parent}|||${orders}`;
}

const drug = (code: string): string => `OBX|1|SN|${code}^Drug^LN|1|<=^0.25|ug/mL^^UCUM||S|||F`;
const blood = '600-7&Bacteria identified&LN';

test.each([
  ['by code, sub-id and the order', '18906-8', '4711', `${blood}^2^x`, 'P200^F200', ['Staphylococcus aureus v2']],
  ['by the number of the filler alone', '18907-6', '4711', `${blood}^1`, '^F300', ['Escherichia coli v2']],
  ['by the number of the placer alone', '18908-4', '4712', `${blood}^1`, 'P200', ['Escherichia coli v2']],
])('found: %s', async (_, code, patient, parent, orders, parents) => {
  const segments = [child(`F-${code}`, parent, orders), drug(code)];
  expect(await send(patient, ...segments)).toEqual(['AA', '']);
  expect(await parentsOf(code)).toEqual(parents);
  // Another message that says the same changes nothing.
  const [again] = await send(patient, ...segments, 'ZNT|again');
  expect([again, await parentsOf(code)]).toEqual(['AA', parents]);
});

test.each([
  ['no such sub-id', '28-1', '4711', `${blood}^7`, 'P200^F200'],
  ['no such order', '29-9', '4711', `${blood}^1`, 'P999^F999'],
  ['the order of another patient', '30-7', '4711', `${blood}^1`, '^G200'],
  ['no order named, and several may be meant', '31-5', '4711', `${blood}^1`, ''],
  ['a patient who is new', '32-3', '4713', `${blood}^1`, 'P200^F200'],
])('kept without, and told: %s', async (_, code, patient, parent, orders) => {
  const [acknowledged, error] = await send(patient, child(`F-${code}`, parent, orders), drug(code));
  expect([acknowledged, error]).toEqual(['AA', expect.stringMatching(/^ERR\|\|OBR\^1\^26\^1\|204\^.*\|W\|/)]);
  expect(await parentsOf(code)).toEqual([]);
  const [stored] = await listMessages(session(bench.lab), { count: 1 });
  expect(stored).toMatchObject({ status: 'applied', problems: [{ code: '204', severity: 'W' }] });
});

test('several groups may have one parent', async () => {
  const segments = [
    child('F-1', `${blood}^1`, 'P200^F200'),
    drug('41-1'),
    child('F-2', `${blood}^1`, '^F200').replace('OBR|1', 'OBR|2'),
    drug('42-2'),
  ];
  const version = async (): Promise<string | undefined> => (await parentsOf('41-1'))[0];
  expect(await send('4711', ...segments)).toEqual(['AA', '']);
  expect([await version(), await parentsOf('42-2')]).toEqual(['Escherichia coli v2', ['Escherichia coli v2']]);
});
