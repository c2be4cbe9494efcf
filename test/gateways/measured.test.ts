/** Results of analyzers for specimens that the laboratory accessioned: its rules hold for them as for what is entered by hand. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { catalogueSystem, codeIn, extensions, object, objects } from '../../src/laboratory/terms.ts';
import { listMessages } from '../../src/store/messages.ts';
import { addPatient, done, found, load, parameters, resourcesOf, send } from '../laboratory/laboratory.ts';
import { makeAstmBench, makhbar, post, sessionOf, until, type AstmBench, type Json } from './astm-bench.ts';
import { openAnalyzer, type Analyzer } from './analyzer.ts';
import { codeOf } from './mllp-client.ts';

const map = 'urn:example:map:counter';
const device = 'Device/counter';
let bench: AstmBench;
let law: Analyzer;

beforeAll(async () => {
  const codes = {
    CBC: '58410-2',
    HGB: '718-7',
    RBC: '789-8',
    HCT: '4544-3',
    MCV: '787-2',
    MCH: '785-6',
    RET: '60474-4',
    PLT: '777-3',
    WBC: '6690-2',
    RDW: '788-0',
    K: '2823-3',
    NA: '2951-2',
    CL: '2075-0',
    TSH: '3016-3',
  };
  const element = Object.entries(codes).map(([code, target]) => ({
    code,
    target: [{ code: target, equivalence: 'equivalent' }],
  }));
  const conceptMap = { resourceType: 'ConceptMap', url: map, status: 'active' };
  bench = await makeAstmBench({ conceptMaps: [map], law: { device } }, [
    { ...conceptMap, group: [{ target: 'http://loinc.org', element }] },
  ]);
  await post(bench.lab, { resourceType: 'Device', id: 'counter' }, 'PUT', device);
  await load(bench.lab);
  law = await openAnalyzer(bench.lab, { law: { device }, conceptMaps: [map], listens: false });
}, 120_000);
afterAll(() => law.stop());

interface Tube {
  readonly number: string;
  readonly specimen: string;
  readonly patient: string;
  readonly orders: readonly string[];
}

const refer = (resource: JsonObject | undefined): string =>
  `${String(resource?.['resourceType'])}/${String(resource?.['id'])}`;

async function accessioned(...tests: readonly string[]): Promise<Tube> {
  const patient = await addPatient(bench.lab, { gender: 'female', birthDate: '1986-03-09' });
  const orders = resourcesOf(await done(bench.lab, 'ServiceRequest/$order', { patient, test: tests }), 'order');
  const answer = await done(bench.lab, 'Specimen/$accession', { order: orders.map(refer) });
  const [specimen = {}] = resourcesOf(answer, 'specimen');
  await done(bench.lab, `${refer(specimen)}/$collect`);
  await done(bench.lab, `${refer(specimen)}/$receive`);
  const number = String(object(specimen['accessionIdentifier'])['value']);
  return { number, specimen: refer(specimen), patient, orders: orders.map(refer) };
}

type Line = readonly [code: string, value: string, unit: string, flag?: string, time?: string];

let sent = 0;

interface Became {
  readonly problems: Json[];
  readonly status: string;
}

/** Sends the results and gives the message that they became. */
function report(number: string, ...results: readonly Line[]): Promise<Became> {
  return transmit(`O|1|${number}||^^^CBC|R`, results);
}

function reportControl(name: string, ...results: readonly Line[]): Promise<Became> {
  return transmit(`O|1|${name}||^^^CBC|R||||||Q`, results);
}

async function transmit(order: string, results: readonly Line[]): Promise<Became> {
  const { analyzer, socket } = await bench.open();
  const name = `Counter^${++sent}`;
  const lines = results.map(
    ([code, value, unit, flag = '', time = '20260131081000'], at) =>
      `R|${at + 1}|^^^${code}|${value}|${unit}||${flag}||F||||${time}`,
  );
  await analyzer.send([`H|\\^&|||${name}`, 'P|1', order, ...lines, 'L|1|N']);
  socket.destroy();
  for (const end = Date.now() + 120_000; Date.now() < end; await new Promise((next) => setTimeout(next, 50))) {
    const all = await listMessages(sessionOf(bench.lab), { count: 100 });
    const mine = all.find(({ raw, status }) => raw.includes(name) && status !== 'received');
    if (mine !== undefined) return { problems: (mine.problems ?? []) as unknown as Json[], status: mine.status };
  }
  throw new Error('The message was not applied.');
}

const flagOf = (result: Json | undefined): unknown =>
  objects(object(objects((result as JsonObject)['interpretation'])[0])['coding'])[0]?.['code'];
const stateOf = (result: Json | undefined): unknown =>
  extensions(result as JsonObject, 'result-state')[0]?.['valueCode'];
const measuredAs = (result: Json | undefined): unknown =>
  extensions(result as JsonObject, 'measured')[0]?.['valueString'];

async function resultsOf({ patient }: Tube, count: number): Promise<Record<string, Json>> {
  const all = await until(bench.lab, `Observation?subject=${patient}`, count);
  expect(all).toHaveLength(count);
  return Object.fromEntries(all.map((one) => [codeIn((one as JsonObject)['code'], catalogueSystem) ?? 'other', one]));
}

describe('ASTM', () => {
  test('converted, flagged, critical, in a report; the same again makes no version', async () => {
    const tube = await accessioned('fbc');
    const lines: Line[] = [
      ['HGB', '6.8', 'g/dL', 'L'],
      ['PLT', '251', '10^3/uL', 'N'],
      ['WBC', '6.40', 'x10³/µL', 'Blasts?'],
    ];
    await report(tube.number, ...lines);
    const { hb, plt, wbc } = await resultsOf(tube, 3);
    expect(hb).toMatchObject({
      ...{ status: 'preliminary', valueQuantity: { value: 68, code: 'g/L' }, device: { reference: device } },
      ...{ basedOn: [{ reference: tube.orders[0] }], specimen: { reference: tube.specimen } },
    });
    expect([stateOf(hb), flagOf(hb), measuredAs(hb)]).toEqual(['entered', 'LL', 'HGB 6.8 g/dL']);
    expect([flagOf(plt), measuredAs(plt), extensions(plt as JsonObject, 'instrument-flag')]).toEqual([
      'N',
      'PLT 251 10^3/uL',
      [],
    ]);
    expect(extensions(wbc as JsonObject, 'instrument-flag')[0]?.['valueString']).toBe('Blasts?');
    expect(await until(bench.lab, `Task?focus=Observation/${String(hb?.['id'])}&status=requested`)).toHaveLength(1);
    const [first] = await until(bench.lab, `DiagnosticReport?based-on=${tube.orders[0]}`);
    expect([first?.['status'], objects((first as JsonObject)['result']).length]).toEqual(['preliminary', 3]);
    const [origin] = await until(bench.lab, `Provenance?target=Observation/${String(hb?.['id'])}`);
    expect(JSON.stringify(origin)).toContain('ASTM');

    expect(await report(tube.number, ...lines)).toMatchObject({ status: 'applied', problems: [] });
    const again = await resultsOf(tube, 3);
    expect(Object.values(again).map(({ meta }) => (meta as Json)['versionId'])).toEqual(['1', '1', '1']);
    const [second] = await until(bench.lab, `DiagnosticReport?based-on=${tube.orders[0]}`);
    expect(second).toMatchObject({ meta: { versionId: '1' } });
  }, 60_000);

  test('measured anew before its release: the result is replaced, the history has both', async () => {
    const tube = await accessioned('fbc');
    await report(tube.number, ['HGB', '13.0', 'g/dL']);
    await report(tube.number, ['HGB', '13.4', 'g/dL']);
    const { hb } = await resultsOf(tube, 1);
    expect(hb).toMatchObject({ valueQuantity: { value: 134 }, meta: { versionId: '2' } });
  }, 60_000);

  test.each<[string, Line, string]>([
    ['a value that cannot be', ['HGB', '680', 'g/dL'], 'outside of what is possible'],
    ['a unit that cannot be converted', ['HGB', '6.8', 'mmol/s'], 'cannot be converted'],
    ['what no order asks for', ['K', '4.1', 'mmol/L'], 'No order asks for'],
  ])(
    '%s is kept as it was sent, preliminary and told; the others are entered',
    async (_, bad, sentence) => {
      const tube = await accessioned('fbc');
      const { status, problems } = await report(tube.number, bad, ['PLT', '251', '10*3/uL']);
      const said = expect.stringContaining(sentence);
      expect([status, problems]).toEqual(['applied', [expect.objectContaining({ sentence: said })]]);
      const { plt, other } = await resultsOf(tube, 2);
      expect([stateOf(plt), (plt as Json)['status']]).toEqual(['entered', 'preliminary']);
      expect(other).toMatchObject({
        ...{ status: 'preliminary', subject: { reference: tube.patient } },
        ...{ valueQuantity: { value: Number(bad[1]), unit: bad[2] }, note: [{ text: said }] },
      });
      const waiting = (): Promise<Json[]> =>
        found(bench.lab, `Observation?_query=refused&subject=${tube.patient}`) as Promise<Json[]>;
      expect((await waiting()).map(({ id }) => id)).toEqual([(other as Json)['id']]);
      const review = await send(bench.lab, 'Observation/$review', parameters({ result: refer(other as JsonObject) }));
      expect([review.status, review.said]).toEqual([409, expect.stringContaining('is refused')]);
      await done(bench.lab, 'Observation/$cancel-result', { result: refer(other as JsonObject), reason: 'seen' });
      expect(await waiting()).toEqual([]);
    },
    60_000,
  );

  test('what no order asks for keeps nothing apart: the others are entered together, and none is calculated before it came', async () => {
    const tube = await accessioned('fbc');
    const { problems } = await report(
      tube.number,
      ...([
        ['HGB', '10.1', 'g/dL'],
        ['RBC', '2.87', '10*6/uL'],
        ['RET', '51', '10*9/L'],
        ['HCT', '24.2', '%'],
        ['MCV', '85.0', 'fL'],
        ['HGB', '10.2', 'g/dL', '', '20260131081100'],
      ] as const),
    );
    expect(problems).toHaveLength(1);
    const { mcv, mch, hb, rbc, other } = await resultsOf(tube, 7);
    const versions = [mcv, rbc].map((one) => object((one as JsonObject)['meta'])['versionId']);
    // 24.2 / 2.87 is 84.3: what was measured goes before the formula.
    expect([measuredAs(mcv), (mcv as JsonObject)['valueQuantity'], versions]).toMatchObject([
      ...['MCV 85.0 fL', { value: 85.0 }, ['1', '1']],
    ]);
    // The second haemoglobin of the message follows the first, and what is calculated follows both.
    expect([hb, mch]).toMatchObject([
      { valueQuantity: { value: 102 }, meta: { versionId: '2' } },
      { valueQuantity: { value: 35.5 }, meta: { versionId: '2' } },
    ]);
    expect(other).toMatchObject({ status: 'preliminary', valueQuantity: { value: 51 } });
    const [open] = await until(bench.lab, `DiagnosticReport?based-on=${tube.orders[0]}`);
    const shown = objects((open as JsonObject)['result']).map(({ reference }) => reference);
    expect([shown.length, shown.includes(refer(other as JsonObject))]).toEqual([6, false]);
    expect((other as Json)['basedOn']).toBeUndefined();
    // What waited is entered once somebody asks for it, and waits no more.
    const waits = `Observation?_query=refused&subject=${tube.patient}`;
    expect(await found(bench.lab, waits)).toHaveLength(1);
    await done(bench.lab, 'ServiceRequest/$add-on', { specimen: tube.specimen, test: ['reticulocyte-count'] });
    await report(tube.number, ['RET', '51', '10*9/L']);
    const { reticulocytes } = await resultsOf(tube, 8);
    expect([stateOf(reticulocytes), measuredAs(reticulocytes)]).toEqual(['entered', 'RET 51 10*9/L']);
    expect(await found(bench.lab, waits)).toEqual([]);
  }, 60_000);

  test('a result that is released stays; what is measured after it waits beside it', async () => {
    const tube = await accessioned('fbc');
    await report(tube.number, ['HGB', '13.0', 'g/dL']);
    const { hb } = await resultsOf(tube, 1);
    await done(bench.lab, 'Observation/$review', { result: refer(hb as JsonObject) });
    const [open] = await until(bench.lab, `DiagnosticReport?based-on=${tube.orders[0]}`);
    await done(bench.lab, `${refer(open as JsonObject)}/$release`);
    // Said again it is nothing new.
    expect((await report(tube.number, ['HGB', '13.0', 'g/dL'])).problems).toEqual([]);
    const { problems } = await report(tube.number, ['HGB', '9.9', 'g/dL']);
    expect(problems).toEqual([expect.objectContaining({ sentence: expect.stringContaining('is released') })]);
    const { hb: kept, other } = await resultsOf(tube, 2);
    expect([kept, other]).toMatchObject([
      { status: 'final', valueQuantity: { value: 130 } },
      { status: 'preliminary', valueQuantity: { value: 9.9 } },
    ]);
    await done(bench.lab, `${refer(hb as JsonObject)}/$correct`, {
      value: '9.9',
      unit: 'g/dL',
      reason: 'measured again',
    });
    const [after] = await until(bench.lab, `DiagnosticReport?based-on=${tube.orders[0]}`);
    expect(after).toMatchObject({ status: 'partial', result: [{ reference: refer(hb as JsonObject) }] });
  }, 60_000);

  test('a control that failed on the analyzer holds its results', async () => {
    const tube = await accessioned('fbc');
    const figures = { value: 19, mean: 14, sd: 0.5 };
    const part = [
      { name: 'analyte', valueString: 'rdw' },
      { name: 'level', valueString: '1' },
      ...Object.entries(figures).map(([name, valueDecimal]) => ({ name, valueDecimal })),
    ];
    const run = { ...parameters({ device: { reference: device }, lot: 'H-24' }) };
    const parameter = [...objects(run['parameter']), { name: 'result', part }];
    expect((await send(bench.lab, 'Observation/$control-run', { ...run, parameter })).status).toBe(200);
    await report(tube.number, ['RDW', '13.0', '%'], ['PLT', '251', '10*3/uL']);
    const { rdw, plt } = await resultsOf(tube, 2);
    expect([stateOf(rdw), stateOf(plt)]).toEqual(['held', 'entered']);
  }, 60_000);
});

const rule = (title: string, expression: string, more: JsonObject = {}): JsonObject => ({
  ...{ title, ...more },
  condition: [{ kind: 'applicability', expression: { language: 'text/fhirpath', expression } }],
});

/** The order that the analyzer is given when it asks for the specimen's work. */
async function offered(number: string): Promise<string> {
  const { analyzer, socket } = await bench.open();
  const records = await analyzer.ask(number);
  socket.destroy();
  return records.filter((record) => record.startsWith('O')).join();
}

test('rules ask for a repetition and for a reflex: the same value measured later is the second, said again it is not', async () => {
  const plans = {
    repeat: rule('Flagged', "%analyte = 'tsh' and %flags.exists()"),
    reflex: rule('TSH high', "%analyte = 'tsh' and %interpretation = 'H'", {
      code: [{ coding: [{ system: catalogueSystem, code: 'ft4' }] }],
    }),
  };
  for (const [topic, action] of Object.entries(plans)) {
    const made = await send(bench.lab, 'PlanDefinition', {
      ...{ resourceType: 'PlanDefinition', status: 'active', action: [action] },
      type: { coding: [{ code: 'eca-rule' }] },
      topic: [{ coding: [{ system: 'urn:makhbar:laboratory', code: topic }] }],
    });
    expect(made.status).toBe(201);
  }
  const tube = await accessioned('tsh');
  const first: Line = ['TSH', '12.0', 'mIU/L', 'Bubble'];
  expect(await report(tube.number, first)).toMatchObject({ status: 'applied' });
  expect(await report(tube.number, first)).toMatchObject({ status: 'applied', problems: [] });
  const { tsh: held } = await resultsOf(tube, 1);
  expect([stateOf(held), (held as JsonObject)['status'], object((held as JsonObject)['meta'])['versionId']]).toEqual([
    ...['held', 'preliminary', '1'],
  ]);
  expect(await until(bench.lab, `ServiceRequest?based-on=${tube.orders[0]}`, 0)).toEqual([]);
  // Who asks is offered it once more, until it was measured again.
  expect(await offered(tube.number)).toMatch(/\^TSH/);
  await report(tube.number, ['TSH', '12.0', 'mIU/L', 'Bubble', '20260131083000']);
  expect(await offered(tube.number)).not.toMatch(/\^TSH/);
  const all = await until(bench.lab, `Observation?subject=${tube.patient}`, 2);
  expect(all.map((one) => `${String((one as JsonObject)['status'])} ${String(stateOf(one))}`).sort()).toEqual([
    ...['cancelled cancelled', 'preliminary entered'],
  ]);
  const added = await until(bench.lab, `ServiceRequest?based-on=${tube.orders[0]}`);
  expect(added).toMatchObject([{ specimen: [{ reference: tube.specimen }] }]);
  // A late copy of the first is neither.
  expect(await report(tube.number, first)).toMatchObject({ status: 'applied', problems: [] });
  expect(await until(bench.lab, `Observation?subject=${tube.patient}`, 2)).toHaveLength(2);
}, 120_000);

/** A material of one level, as the laboratory tells what the analyzer calls it. */
async function material(name: string, lot: string, level: string, targets: readonly JsonObject[]): Promise<void> {
  const valued = (target: JsonObject): JsonObject[] =>
    Object.entries(target).map(([url, value]) =>
      typeof value === 'number' ? { url, valueDecimal: value } : { url, valueCode: value ?? null },
    );
  const made = await send(bench.lab, 'Substance', {
    ...{ resourceType: 'Substance', status: 'active', identifier: [{ value: name }], code: { text: 'Control' } },
    instance: [{ identifier: { value: lot }, expiry: '2099-12-31' }],
    extension: [
      {
        url: 'urn:makhbar:extension:control-material',
        extension: [
          { url: 'lot', valueString: lot },
          { url: 'level', valueString: level },
          { url: 'device', valueReference: { reference: device } },
          ...targets.map((target) => ({ url: 'target', extension: valued(target) })),
        ],
      },
    ],
  });
  expect([made.status, made.said]).toEqual([201, '']);
}

const hoursAgo = (hours: number): string =>
  new Date(Date.now() - (hours - 3) * 3_600_000).toISOString().replaceAll(/\D/g, '').slice(0, 14);

const controlParts = (result: Json | undefined): JsonObject =>
  Object.fromEntries(
    objects(extensions(result as JsonObject, 'control')[0]?.['extension']).map(({ url, ...rest }) => [
      String(url),
      Object.values(rest)[0] ?? null,
    ]),
  );

const low = (name: string): Promise<void> =>
  material(name, name, '1', [
    { analyte: 'wbc', mean: 3, sd: 0.1 },
    { analyte: 'plt', mean: 60, sd: 5 },
    { analyte: 'potassium' },
  ]);

describe('controls', () => {
  const judged = (analyte: string): string =>
    `Observation?category=urn:makhbar:observation-category|control&code=${catalogueSystem}|${analyte}&_sort=date`;

  test('are judged in the unit of the catalogue by the rules; one that fails holds the results that come with it', async () => {
    await material('QC-HIGH', 'H-77', '2', [
      { analyte: 'hb', mean: 16.0, sd: 0.3, unit: 'g/dL' },
      { analyte: 'plt', mean: 400, sd: 10 },
    ]);
    const tube = await accessioned('fbc');
    const { analyzer, socket } = await bench.open();
    const name = `Counter^${++sent}`;
    const time = hoursAgo(2);
    await analyzer.send([
      ...[
        `H|\\^&|||${name}`,
        'P|1',
        `O|1|${tube.number}||^^^CBC|R`,
        'R|1|^^^HGB|13.0|g/dL||||F',
        'R|2|^^^PLT|250|10*3/uL||||F',
      ],
      ...['P|2', 'O|1|QC-HIGH||^^^CBC|R||||||Q', `R|1|^^^HGB|17.2|g/dL||||F||||${time}`],
      ...[`R|2|^^^PLT|401|10*3/uL||||F||||${time}`, 'L|1|N'],
    ]);
    socket.destroy();
    const [hb] = await until(bench.lab, judged('hb'));
    expect(hb).toMatchObject({
      ...{ valueQuantity: { value: 172, code: 'g/L' }, device: { reference: device } },
      interpretation: [{ coding: [{ code: 'A' }] }],
    });
    expect(controlParts(hb)).toMatchObject({ lot: 'H-77', level: '2', mean: 160, sd: 3, broken: '1-3s' });
    const [raw] = await until(bench.lab, 'Observation?category=urn:makhbar:astm:category|quality-control&code=718-7');
    expect((hb as Json)['derivedFrom']).toEqual([{ reference: `Observation/${String(raw?.['id'])}` }]);
    const [plt] = await until(bench.lab, judged('plt'));
    expect(plt).toMatchObject({ interpretation: [{ coding: [{ code: 'N' }] }] });
    const results = await resultsOf(tube, 2);
    expect([stateOf(results['hb']), stateOf(results['plt'])]).toEqual(['held', 'entered']);
    const [message] = await listMessages(sessionOf(bench.lab), { count: 1 });
    expect(message?.resources).toContainEqual(expect.stringContaining(String(hb?.['id'])));
    await done(bench.lab, 'Observation/$control-release', {
      device: { reference: device },
      analyte: 'hb',
      reason: 'ok',
    });
    // Corrected by the analyzer: what it was counts no more.
    await reportControl('QC-HIGH', ['HGB', '16.1', 'g/dL', '', time]);
    const again = await until(bench.lab, judged('hb'), 2);
    expect(again.map(({ status }) => String(status)).sort()).toEqual(['entered-in-error', 'final']);
    // Said once more it is nothing new.
    await reportControl('QC-HIGH', ['HGB', '16.1', 'g/dL', '', time]);
    expect(await until(bench.lab, judged('hb'), 2)).toHaveLength(2);
  }, 60_000);

  test.each<[string, string, Line, string]>([
    ['a name that no material has', 'QC-NONE', ['WBC', '7.0', '10*3/uL'], 'No control material is called "QC-NONE"'],
    ['an analyte without a target', 'QC-LOW', ['TSH', '7.0', 'mIU/L'], 'has no analyte http://loinc.org|3016-3'],
    ['a code without a mapping', 'QC-LOW', ['XYZ', '7.0', 'mIU/L'], 'has no analyte urn:makhbar:astm:code|XYZ'],
    ['a unit that cannot be converted', 'QC-LOW', ['WBC', '7.0', 'mmol/s'], 'cannot be converted'],
    ['no number', 'QC-LOW', ['WBC', 'Clot', ''], 'value is a number, not "Clot"'],
    ['too few results for a mean', 'QC-LOW', ['K', '4.0', 'mmol/L'], 'only 0 results of this lot'],
  ])(
    '%s waits as a Task with the message, and the others are judged',
    async (_, name, bad, sentence) => {
      const material = `${name}-${sent}`;
      if (name !== 'QC-NONE') await low(material);
      const { status, problems } = await reportControl(material, bad, ['PLT', '60', '10*3/uL']);
      const said = expect.stringContaining(sentence.replace('QC-NONE', material));
      expect([status, problems[0]]).toEqual(['applied', expect.objectContaining({ sentence: said })]);
      const [task] = await until(
        bench.lab,
        `Task?identifier=urn:makhbar:message|${bench.endpoint}/control/${material}`,
      );
      expect(task).toMatchObject({
        status: 'ready',
        description: said,
        input: [{ valueString: expect.stringContaining(material) }],
      });
      const of = `Observation?category=urn:makhbar:observation-category|control&device=${device}&code=${catalogueSystem}|plt`;
      const lots = (await until(bench.lab, of)).map((one) => controlParts(one)['lot']);
      expect(lots.includes(material)).toBe(name !== 'QC-NONE');
    },
    60_000,
  );

  test('what waits is judged once it is mended, and its Task ends', async () => {
    await reportControl('QC-LATE', ['NA', '150', 'mmol/L', '', hoursAgo(1)]);
    const task = `Task?identifier=urn:makhbar:message|${bench.endpoint}/control/QC-LATE`;
    expect(await until(bench.lab, task)).toMatchObject([{ status: 'ready' }]);
    await material('QC-LATE', 'L-1', '1', [{ analyte: 'sodium', mean: 140, sd: 2 }]);
    const waiting = (await listMessages(sessionOf(bench.lab), { count: 1 }))[0]?.id ?? '';
    expect((await makhbar('messages', 'replay', bench.lab.tenant.name, waiting)).out).toBe(
      '1 of 1 messages were applied.\n',
    );
    const [control] = await until(bench.lab, judged('sodium'));
    expect(controlParts(control)).toMatchObject({ lot: 'L-1', broken: '1-3s' });
    expect(await until(bench.lab, `${task}&status=completed`)).toHaveLength(1);
    expect((await makhbar('messages', 'replay', bench.lab.tenant.name, waiting)).out).toBe(
      '0 of 1 messages were applied.\n',
    );
  }, 60_000);

  test('IHE LAW: a control of the specimen role Q is judged, and holds', async () => {
    await material('LAW-1', 'W-1', '1', [{ analyte: 'chloride', mean: 100, sd: 1 }]);
    const time = hoursAgo(1);
    const answer = await law.report(
      ...([`q${time}`, 'SPM|1|LAW-1||SER^Serum^HL70487|||||||Q^Control^HL70369', 'OBR|1|""||CL'] as const),
      `OBX|1|NM|CL|1|96|mmol/l^^UCUM|||||F|||||||C^M~1^M|${time}`,
    );
    expect(codeOf(answer)).toBe('AA');
    const [control] = await until(bench.lab, judged('chloride'));
    expect(controlParts(control)).toMatchObject({ lot: 'W-1', broken: '1-3s' });
    const holds = await until(bench.lab, 'Task?code=urn:makhbar:task|control-failed&status=requested');
    expect(JSON.stringify(holds)).toContain('chloride');
    await done(bench.lab, 'Observation/$control-release', {
      device: { reference: device },
      analyte: 'chloride',
      reason: 'ok',
    });
  }, 60_000);
});

test('IHE LAW: results are entered for their orders, and formulas are worked out', async () => {
  const tube = await accessioned('sodium', 'potassium', 'chloride');
  const spm = `SPM|1|${tube.number}||SER^Serum^HL70487|||||||P`;
  const groups = [
    ['NA', '128', tube.orders[0]],
    ['K', '4.30', tube.orders[1]],
    ['CL', '104', tube.orders[2]],
  ].flatMap(([code, value, order], at) => [
    `OBR|${at + 1}|${order?.split('/')[1]}||${code}`,
    `OBX|1|NM|${code}|1|${value}|mmol/l^^UCUM|||||F|||||||C^M~1^M|20260131090000`,
  ]);
  expect(codeOf(await law.report(`m${tube.number}`, spm, ...groups))).toBe('AA');
  const { sodium, potassium, chloride } = await resultsOf(tube, 3);
  expect([flagOf(sodium), flagOf(potassium), stateOf(chloride)]).toEqual(['L', 'N', 'entered']);
  expect(sodium).toMatchObject({ status: 'preliminary', device: { reference: device } });
  const text = await (await bench.lab.fetch(`Observation/${String(potassium?.['id'])}`)).text();
  expect(text).toMatch(/"value": ?4\.3[,}]/);
}, 60_000);
