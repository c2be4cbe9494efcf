/** Reflex tests and repetitions: the rules of the starter catalogue, activated, on results that are entered. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { catalogue } from '../../src/laboratory/catalogue/catalogue.ts';
import { readTables } from '../../src/laboratory/catalogue/tables.ts';
import { toldBy, type Facts } from '../../src/laboratory/result/autoverify.ts';
import { readResultRules } from '../../src/laboratory/result/follow-up.ts';
import { catalogueSystem, codeIn, extensions, object, objects } from '../../src/laboratory/terms.ts';
import type { Laboratory } from '../server.ts';
import { addPatient, done, found, laboratoryWithCatalogue, resourcesOf, send } from './laboratory.ts';

const folder = resolve(import.meta.dirname, '../../seed');
const plans = catalogue(readTables((name) => readFileSync(resolve(folder, `${name}.csv`), 'utf8'))).filter(({ url }) =>
  String(url).startsWith('urn:makhbar:catalogue:rules:'),
);

describe('the rules of the starter catalogue', () => {
  const rules = readResultRules(plans);
  const plain: Facts = {
    ...{ analyte: 'potassium', section: 'chemistry', interpretation: 'N', critical: false, delta: false },
    ...{ control: 'in-control', flags: [], age: 40, manual: false, calculated: false },
  };
  const names = (kind: keyof typeof rules, more: Partial<Facts>): string[] =>
    toldBy(rules[kind], { ...plain, ...more })
      .filter(({ holds }) => holds)
      .map(({ name }) => name);

  test.each<[keyof typeof rules, Partial<Facts>, string[]]>([
    ['verification', {}, []],
    ['verification', { manual: true }, ['Entered by hand']],
    ['verification', { interpretation: 'H' }, ['Outside of the interval, or without one']],
    ['verification', { control: 'failed' }, ['No control passed']],
    ['verification', { section: 'serology' }, ['Section that a person reads']],
    ['verification', { age: 0 }, ['Younger than one year, or of unknown age']],
    ['repeat', {}, []],
    ['repeat', { critical: true }, ['Critical result of an analyzer']],
    ['repeat', { critical: true, manual: true }, []],
    ['repeat', { delta: true, flags: ['C'] }, ['Delta of an analyzer', 'Result with a flag of the instrument']],
    ['reflex', { analyte: 'tsh' }, []],
    ['reflex', { analyte: 'tsh', interpretation: 'H' }, ['TSH outside of the interval: free T4']],
    ['reflex', { analyte: 'hiv', interpretation: 'N' }, []],
    ['reflex', { analyte: 'hiv', interpretation: 'POS' }, ['HIV screen reactive: confirmation']],
    ['reflex', { analyte: 'psa' }, []],
    ['reflex', { analyte: 'psa', value: { digits: 52n, exponent: -1 } }, ['PSA 4 to 10: free PSA']],
  ])('%s: %o is told by %j', (kind, more, expected) => {
    expect(names(kind, more)).toEqual(expected);
  });
});

let lab: Laboratory;
let device: string;

beforeAll(async () => {
  lab = await laboratoryWithCatalogue();
  for (const plan of plans.filter(({ url }) => !String(url).endsWith('autoverification'))) {
    const { status } = await send(lab, `PlanDefinition/${String(plan['id'])}`, { ...plan, status: 'active' }, 'PUT');
    expect(status).toBe(200);
  }
  const analyzer = await send(lab, 'Device', { resourceType: 'Device', status: 'active' });
  device = `Device/${String(analyzer.body['id'])}`;
}, 180_000);

const refer = (resource: JsonObject): string => `${String(resource['resourceType'])}/${String(resource['id'])}`;
const codeOf = (resource: JsonObject): string => codeIn(resource['code'], catalogueSystem) ?? '';
const stateIn = (resource: JsonObject): unknown => extensions(resource, 'result-state')[0]?.['valueCode'];
const remarks = (resource: JsonObject): string[] =>
  extensions(resource, 'verification').map(({ valueString }) => String(valueString));

interface Received {
  readonly specimen: string;
  readonly orders: readonly string[];
}

async function received(tests: readonly string[], collected?: string): Promise<Received> {
  const patient = await addPatient(lab, { gender: 'male', birthDate: '1976-05-02' });
  const orders = resourcesOf(await done(lab, 'ServiceRequest/$order', { patient, test: tests }), 'order');
  const [specimen = {}] = resourcesOf(await done(lab, 'Specimen/$accession', { order: orders.map(refer) }), 'specimen');
  await done(lab, `${refer(specimen)}/$collect`, collected === undefined ? {} : { time: collected });
  await done(lab, `${refer(specimen)}/$receive`);
  return { specimen: refer(specimen), orders: orders.map(refer) };
}

type Part = readonly [analyte: string, value: string, flag?: string];

interface Entered {
  readonly results: Record<string, JsonObject>;
  readonly report: JsonObject;
  readonly said: string;
}

async function entered(specimen: string, parts: readonly Part[], measured = true): Promise<Entered> {
  const result = parts.map(([analyte, value, flag]) => ({
    name: 'result',
    part: [
      { name: 'analyte', valueString: analyte },
      { name: 'value', valueString: value },
      ...(flag === undefined ? [] : [{ name: 'flag', valueString: flag }]),
    ],
  }));
  const parameter: JsonObject[] = [
    { name: 'specimen', valueReference: { reference: specimen } },
    ...(measured ? [{ name: 'device', valueReference: { reference: device } }] : []),
    ...result,
  ];
  const { status, body, said } = await send(lab, 'Observation/$enter-results', {
    resourceType: 'Parameters',
    parameter,
  });
  expect([status, said]).toEqual([200, '']);
  const [outcome = {}] = resourcesOf(body, 'outcome');
  return {
    results: Object.fromEntries(resourcesOf(body, 'result').map((one) => [codeOf(one), one])),
    report: resourcesOf(body, 'report')[0] ?? {},
    said: objects(outcome['issue'])
      .map(({ diagnostics }) => String(diagnostics))
      .join(' '),
  };
}

async function read(reference: string): Promise<JsonObject> {
  return (await (await lab.fetch(reference)).json()) as JsonObject;
}

describe('a reflex', () => {
  test('is ordered on the same specimen, once, and the report waits for it', async () => {
    const { specimen, orders } = await received(['tsh']);
    const { results, report } = await entered(specimen, [['tsh', '12']], false);
    expect(remarks(results['tsh']!)).toEqual([
      expect.stringMatching(/^Reflex: TSH outside of the interval: free T4: ft4 is ordered \(.*interpretation H/),
    ]);
    const added = await found(lab, `ServiceRequest?based-on=${orders.join()}`);
    expect(added.map(codeOf)).toEqual(['ft4']);
    expect(added[0]).toMatchObject({ status: 'active', specimen: [{ reference: specimen }] });
    expect(objects((await read(specimen))['request']).map(({ reference }) => reference)).toEqual([
      ...orders,
      refer(added[0]!),
    ]);
    expect(objects(report['basedOn'])).toHaveLength(2);
    await done(lab, 'Observation/$review', { result: refer(results['tsh']!) });
    await done(lab, `${refer(report)}/$release`);
    expect((await read(refer(report)))['status']).toBe('partial');
    const after = await entered(specimen, [['ft4', '8']], false);
    await done(lab, 'Observation/$review', { result: refer(after.results['ft4']!) });
    await done(lab, `${refer(after.report)}/$release`);
    expect(await read(refer(report))).toMatchObject({ status: 'final', id: after.report['id'] });
  });

  test('does not fire twice, neither again nor for what was taken back', async () => {
    const { specimen, orders } = await received(['tsh']);
    await entered(specimen, [['tsh', '12']], false);
    const [added] = await found(lab, `ServiceRequest?based-on=${orders.join()}`);
    await done(lab, `${refer(added!)}/$cancel`, { reason: 'not needed' });
    const { results } = await entered(specimen, [['tsh', '13']], false);
    expect(remarks(results['tsh']!)).toEqual([expect.stringContaining('ft4 is ordered already')]);
    expect(await found(lab, `ServiceRequest?based-on=${orders.join()}`)).toHaveLength(1);
  });

  test('a reactive screen asks for its confirmation', async () => {
    const { specimen, orders } = await received(['hiv']);
    await entered(specimen, [['hiv', 'Reactive']], false);
    expect((await found(lab, `ServiceRequest?based-on=${orders.join()}`)).map(codeOf)).toEqual(['hiv-confirmation']);
  });

  test('what was ordered with it is not ordered again; what is normal asks for nothing', async () => {
    const { specimen, orders } = await received(['tsh', 'ft4']);
    const { results } = await entered(specimen, [['tsh', '12']], false);
    expect(remarks(results['tsh']!)).toEqual([expect.stringContaining('ft4 is ordered already')]);
    const normal = await received(['tsh']);
    expect(remarks((await entered(normal.specimen, [['tsh', '2']], false)).results['tsh']!)).toEqual([]);
    expect(await found(lab, `ServiceRequest?based-on=${[...orders, ...normal.orders].join()}`)).toEqual([]);
  });

  test('a specimen that the laboratory no longer has is told, and the result is kept', async () => {
    const { specimen, orders } = await received(['tsh']);
    await done(lab, `${specimen}/$dispose`);
    const { results, said } = await entered(specimen, [['tsh', '12']], false);
    expect(said).toMatch(/ft4 is not ordered: Specimen .* is disposed/);
    expect(stateIn(await read(refer(results['tsh']!)))).toBe('entered');
    expect(await found(lab, `ServiceRequest?based-on=${orders.join()}`)).toEqual([]);
  });
});

describe('a repetition', () => {
  const waiting = (observation: JsonObject): Promise<JsonObject[]> =>
    found(lab, `Task?code=urn:makhbar:task|repeat-result&focus=${refer(observation)}`);

  test.each<[string, Part, Part]>([
    ['a critical value', ['potassium', '7.1'], ['potassium', '6.9']],
    ['a flag', ['potassium', '4.1', 'C'], ['potassium', '4.2', 'C']],
  ])('%s is measured again, once, and the first value is kept', async (_, once, again) => {
    const { specimen } = await received(['potassium']);
    const one = await entered(specimen, [once]);
    const first = one.results['potassium']!;
    expect([stateIn(first), one.said]).toEqual(['held', expect.stringContaining('potassium is to be repeated')]);
    expect((await waiting(first)).map(({ status }) => status)).toEqual(['requested']);
    const refused = await send(lab, 'Observation/$review', {
      resourceType: 'Parameters',
      parameter: [{ name: 'result', valueReference: { reference: refer(first) } }],
    });
    expect(refused.status).toBe(409);
    const two = await entered(specimen, [again]);
    const second = two.results['potassium']!;
    expect([stateIn(second), second['id'] === first['id']]).toEqual(['entered', false]);
    expect(extensions(second, 'repeat')).toMatchObject([{ valueReference: { reference: refer(first) } }]);
    const kept = await read(refer(first));
    expect([kept['status'], object(kept['valueQuantity'])['value']]).toEqual(['cancelled', Number(once[1])]);
    expect((await waiting(first)).map(({ status }) => status)).toEqual(['completed']);
    expect(objects(two.report['result'])).toEqual([{ reference: refer(second) }]);
    const three = await entered(specimen, [again]);
    expect([stateIn(three.results['potassium']!), three.results['potassium']!['id']]).toEqual([
      'entered',
      second['id'],
    ]);
    expect(
      await found(lab, `Task?code=urn:makhbar:task|critical-result&status=requested&focus=${refer(first)}`),
    ).toEqual([]);
  });

  test('a person who says why does without it', async () => {
    const { specimen, orders } = await received(['potassium']);
    const { results } = await entered(specimen, [['potassium', '7.1']]);
    const progress = async (): Promise<unknown> =>
      extensions(await read(orders[0] ?? ''), 'order-progress')[0]?.['valueCode'];
    expect(await progress()).toBe('received');
    await done(lab, 'Observation/$review', { result: refer(results['potassium']!), note: 'no specimen left' });
    expect(await progress()).toBe('measured');
    const after = await read(refer(results['potassium']!));
    expect([stateIn(after), extensions(after, 'repeat')]).toEqual(['reviewed', []]);
    expect((await waiting(after)).map(({ status }) => status)).toEqual(['cancelled']);
    const calls = await found(lab, `Task?code=urn:makhbar:task|critical-result&focus=${refer(after)}`);
    expect(calls.map(({ status }) => status)).toEqual(['requested']);
  });

  test('a result that there will not be is not waited for', async () => {
    const { specimen } = await received(['potassium']);
    const { results } = await entered(specimen, [['potassium', '7.1']]);
    await done(lab, 'Observation/$cancel-result', { result: refer(results['potassium']!), reason: 'haemolysed' });
    expect((await waiting(results['potassium']!)).map(({ status }) => status)).toEqual(['cancelled']);
  });

  test('a value that is to be repeated asks for no reflex', async () => {
    const { specimen, orders } = await received(['tsh']);
    const { results } = await entered(specimen, [['tsh', '12', 'C']]);
    expect(stateIn(results['tsh']!)).toBe('held');
    expect(await found(lab, `ServiceRequest?based-on=${orders.join()}`)).toEqual([]);
    await entered(specimen, [['tsh', '12.5', 'C']]);
    expect((await found(lab, `ServiceRequest?based-on=${orders.join()}`)).map(codeOf)).toEqual(['ft4']);
  });
});
