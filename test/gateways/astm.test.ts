/** Analyzers on the gateway: frames in over a real socket, resources found by FHIR search. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { found, makeBench, openBench, post, stored, until, type Bench, type Instrument } from './astm-instrument.ts';

let bench: Bench;
let instrument: Instrument;
let patient = '';
beforeAll(async () => {
  bench = await makeBench();
  const { lab } = bench;
  const made = await post(lab, {
    resourceType: 'Patient',
    identifier: [{ system: 'urn:example:mrn', value: 'P-4711' }],
    name: [{ family: 'Haddad' }],
  });
  patient = `Patient/${String(made['id'])}`;
  await order('S-1');
  instrument = await openBench(bench);
}, 120_000);
afterAll(() => void instrument.socket.destroy());

async function order(number: string): Promise<void> {
  const { lab } = bench;
  const specimen = await post(lab, {
    ...{ resourceType: 'Specimen', status: 'available', subject: { reference: patient } },
    accessionIdentifier: { value: number },
  });
  await post(lab, {
    ...{ resourceType: 'ServiceRequest', status: 'active', intent: 'order', subject: { reference: patient } },
    code: { coding: [{ system: 'http://loinc.org', code: '2345-7' }] },
    specimen: [{ reference: `Specimen/${String(specimen['id'])}` }],
  });
}

const header = (): string => `H|\\^&|||${bench.sender}^1.0|||||||P|LIS2-A2|20260301101500`;
const results = (specimen: string, value = '5.40'): string[] => [
  header(),
  'P|1||P-4711||Haddad^Samir',
  `O|1|${specimen}||^^^GLU|R||20260301093000||||N||||SER||||||||||F`,
  `R|1|^^^GLU|${value}|mmol/L|3.9 to 6.1|N||F||OP1|20260301100900|20260301101200|Chem-77`,
  'L|1|N',
];

interface Versioned {
  readonly meta: { readonly versionId: string };
}

async function tasks(): Promise<Record<string, unknown>[]> {
  return found(bench.lab, 'Task?status=ready');
}

test('a result is of the patient whose specimen it is, as the analyzer wrote it, and answers the order', async () => {
  expect(await instrument.send(results('S-1'))).toBe('AAAAAA');
  const [one, ...others] = await until(
    () => found(bench.lab, `Observation?subject=${patient}`),
    (all) => all.length > 0,
  );
  expect(others).toEqual([]);
  expect(one).toMatchObject({
    status: 'final',
    subject: { reference: patient },
    basedOn: [{ reference: expect.stringMatching(/^ServiceRequest\//) }],
    valueQuantity: { unit: 'mmol/L' },
  });
  const { id } = one as { id: string };
  const answer = await bench.lab.fetch(`Observation/${id}`);
  expect(await answer.text()).toMatch(/"value": ?5\.40\b/);
  const validated = await bench.lab.fetch(`Observation/${id}/$validate`);
  expect(await validated.text()).not.toContain('"severity":"error"');
  expect(await found(bench.lab, `Provenance?target=Observation/${id}`)).toHaveLength(1);
}, 120_000);

test('the same bytes are one message and one result; a correction is a version of it', async () => {
  for (const value of ['5.40', '5.40', '5.60']) expect(await instrument.send(results('S-1', value))).toBe('AAAAAA');
  const all = await until(
    () => found(bench.lab, `Observation?subject=${patient}`),
    ([one]) => (one as Versioned | undefined)?.meta.versionId === '2',
  );
  expect(all).toHaveLength(1);
  expect((await stored(bench)).filter(({ type }) => type === 'R')).toHaveLength(2);
  expect(all[0]).toMatchObject({ meta: { versionId: '2' }, valueQuantity: { value: 5.6 } });
}, 120_000);

test('a specimen that is not known waits as a Task with the text, and is applied when it comes again', async () => {
  const message = results('S-2', '7.10');
  expect(await instrument.send(message)).toBe('AAAAAA');
  const [task] = await until(tasks, (all) => all.length > 0);
  expect(JSON.stringify(task)).toContain('O|1|S-2|');
  expect(JSON.stringify(task)).toContain('a specimen that is not known');
  await post(bench.lab, {
    ...{ resourceType: 'Specimen', status: 'available', subject: { reference: patient } },
    accessionIdentifier: { value: 'S-2' },
  });
  expect(await instrument.send(message)).toBe('AAAAAA');
  expect(await until(tasks, (all) => all.length === 0)).toEqual([]);
  const values = await found(bench.lab, `Observation?subject=${patient}`);
  expect(values).toHaveLength(2);
}, 120_000);

test('a control is of no patient, and apart from the results of patients', async () => {
  const order = 'O|1|QC-1||^^^GLU|R||20260301093000||||Q';
  const control = [header(), 'P|1', order, 'R|1|^^^GLU|5.00|mmol/L||N||F||||20260301101300', 'L|1|N'];
  expect(await instrument.send(control)).toBe('AAAAAA');
  const [one] = await until(
    () => found(bench.lab, 'Observation?category=quality-control'),
    (all) => all.length > 0,
  );
  expect(one).not.toHaveProperty('subject');
}, 120_000);

test('a question is answered with the work of the specimen, one about what is not known with none', async () => {
  const ask = async (specimen: string): Promise<string[]> => {
    await instrument.send([header(), `Q|1|^${specimen}||ALL||||||||O`, 'L|1|N']);
    return instrument.orders();
  };
  const number = `S-${Date.now()}`;
  await order(number);
  const asked = await ask(number);
  expect(asked.some((record) => record.startsWith('P|1||P-4711||Haddad'))).toBe(true);
  expect(asked.some((record) => record.startsWith(`O|1|${number}||^^^2345-7|`))).toBe(true);
  expect(asked.at(-1)).toBe('L|1|F');
  expect((await ask('S-unknown')).at(-1)).toBe('L|1|I');
  const out = await until(
    async () => (await stored(bench)).filter(({ direction, status }) => direction === 'out' && status === 'sent'),
    (all) => all.length >= 2,
  );
  expect(out.length).toBeGreaterThanOrEqual(2);
}, 120_000);
