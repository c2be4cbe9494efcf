/** IHE LAW: the statements of LAB-27, LAB-28 and LAB-29 (IHE PaLM TF-2b), each against an analyzer over real sockets. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { listMessages } from '../../src/store/messages.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { field, openAnalyzer, segmentsOf, type Analyzer } from './analyzer.ts';
import { session } from './bench.ts';
import { codeOf } from './mllp-client.ts';

interface Bench {
  readonly lab: Laboratory;
  /** Sent work as it comes; does potassium and sodium. */
  readonly chemistry: Analyzer;
  /** Sent work as it comes; does potassium, besides. */
  readonly second: Analyzer;
  /** Asks for it on one connection; does glucose, which it calls GLU. */
  readonly asking: Analyzer;
}

const loinc = 'http://loinc.org';
const [potassium, sodium, glucose] = ['2823-3', '2951-2', '2345-7'];
const map = 'https://lab.example/ConceptMap/glu';
let bench: Bench;

beforeAll(async () => {
  const lab = await makeLaboratory();
  await post(lab, 'ConceptMap', {
    ...{ resourceType: 'ConceptMap', url: map, status: 'active' },
    group: [{ target: loinc, element: [{ code: 'GLU', target: [{ code: glucose, equivalence: 'equivalent' }] }] }],
  });
  const device = await post(lab, 'Device', {
    resourceType: 'Device',
    identifier: [{ system: 'urn:serial', value: '7' }],
  });
  const [chemistry, second, asking] = await Promise.all([
    openAnalyzer(lab, { law: { broadcast: true, tests: [potassium, `${loinc}|${sodium}`] }, listens: true }),
    openAnalyzer(lab, { law: { broadcast: true, tests: [potassium], device: `Device/${device}` }, listens: true }),
    openAnalyzer(lab, { law: {}, conceptMaps: [map], listens: false }),
  ]);
  bench = { lab, chemistry, second, asking };
}, 120_000);
afterAll(() => Promise.all([bench.chemistry, bench.second, bench.asking].map((one) => one.stop())));

async function post(lab: Laboratory, type: string, resource: object): Promise<string> {
  const headers = { 'content-type': 'application/fhir+json' };
  const answer = await lab.fetch(type, { method: 'POST', headers, body: JSON.stringify(resource) });
  if (answer.status !== 201) throw new Error(await answer.text());
  return ((await answer.json()) as { id: string }).id;
}

async function patch(path: string, value: object[]): Promise<void> {
  const headers = { 'content-type': 'application/json-patch+json' };
  const answer = await bench.lab.fetch(path, { method: 'PATCH', headers, body: JSON.stringify(value) });
  expect(answer.status).toBe(200);
}

async function search(query: string): Promise<Record<string, unknown>[]> {
  const answer = await bench.lab.fetch(query);
  expect(answer.status).toBe(200);
  const { entry = [] } = (await answer.json()) as { entry?: { resource: Record<string, unknown> }[] };
  return entry.map(({ resource }) => resource);
}

async function until<T>(read: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  for (const end = Date.now() + 120_000; ; await pause(100)) {
    const found = await read();
    if (isSo(found)) return found;
    if (Date.now() > end) throw new Error(`It did not come: ${JSON.stringify(found).slice(0, 500)}`);
  }
}

interface Ordered {
  readonly patient: string;
  readonly specimen: string;
  readonly label: string;
  /** Ids of the orders. */
  readonly orders: readonly string[];
}

interface OrderOf {
  readonly tests: readonly string[];
  readonly specimen?: object;
  readonly label?: string;
}

/** A patient with a specimen and orders on it. */
async function order({
  tests,
  specimen = {},
  label = `S${randomBytes(4).toString('hex')}`,
}: OrderOf): Promise<Ordered> {
  const { lab } = bench;
  const patient = await post(lab, 'Patient', {
    ...{ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: label }], name: [{ family: 'Saleh' }] },
  });
  const subject = { reference: `Patient/${patient}` };
  const tube = await post(lab, 'Specimen', {
    ...{ resourceType: 'Specimen', status: 'available', subject, identifier: [{ system: 'urn:tube', value: label }] },
    ...{ receivedTime: '2026-01-31T08:00:00+03:00', ...specimen },
  });
  const orders: string[] = [];
  for (const code of tests) {
    orders.push(
      await post(lab, 'ServiceRequest', {
        ...{ resourceType: 'ServiceRequest', status: 'active', intent: 'order', subject, priority: 'stat' },
        ...{ code: { coding: [{ system: loinc, code }] }, specimen: [{ reference: `Specimen/${tube}` }] },
      }),
    );
  }
  return { patient, specimen: tube, label, orders };
}

function taskOf({ id }: Analyzer, ordered: string | undefined): Promise<Record<string, unknown>[]> {
  return search(`Task?identifier=urn:makhbar:analyzer-work|${id}/${ordered}`);
}

async function statusOf(analyzer: Analyzer, ordered: string | undefined, status: string): Promise<unknown> {
  const [task] = await until(
    () => taskOf(analyzer, ordered),
    ([one]) => one?.['status'] === status,
  );
  return task?.['statusReason'];
}

describe('LAB-27: an analyzer asks for work', () => {
  test('3.27.4.2 found: RSP^K11 with OK and the query as it came, then the work of that specimen only', async () => {
    const { asking } = bench;
    await order({ tests: [glucose] });
    const { label, orders } = await order({ tests: [glucose, potassium] });
    const [response, work] = await asking.ask(`WOS^Work Order Step^IHELAW|t1|${label}|R9|4`, 2);
    expect(segmentsOf(response)).toEqual(['MSH', 'MSA', 'QAK', 'QPD']);
    expect([field(response, 'MSH', 9), field(response, 'MSH', 21), codeOf(response)]).toEqual([
      'RSP^K11^RSP_K11',
      'LAB-27^IHE',
      'AA',
    ]);
    expect(response).toContain('\rQAK|t1|OK|WOS^Work Order Step^IHELAW\r');
    expect(response).toContain(`\rQPD|WOS^Work Order Step^IHELAW|t1|${label}|R9|4\r`);
    expect(segmentsOf(work)).toEqual(['MSH', 'PID', 'SPM', 'SAC', 'ORC', 'TQ1', 'OBR', 'TCD']);
    expect([field(work, 'MSH', 9), field(work, 'MSH', 21)]).toEqual(['OML^O33^OML_O33', 'LAB-28^IHE']);
    expect(work).toMatch(new RegExp(`\\rSAC\\|\\|\\|${label}\\|{7}R9\\|4\\r`));
    expect([field(work, 'ORC', 1), field(work, 'OBR', 2)]).toEqual(['NW', orders[0]]);
    expect(field(work, 'OBR', 4)).toMatch(/^GLU\^.*\^2345-7\^/);
    expect(field(work, 'TQ1', 9)).toBe('S^^HL70485');
    await asking.respond(work ?? '');
    await statusOf(asking, orders[0], 'accepted');
  }, 120_000);

  test('3.27.4.2 not found: NF, then ORC-1 DC with MSH, SPM, SAC and ORC only', async () => {
    const [response, work] = await bench.asking.ask('WOS^Work Order Step^IHELAW|t2|NOBODY', 2);
    expect(field(response, 'QAK', 2)).toBe('NF');
    expect(segmentsOf(work)).toEqual(['MSH', 'SPM', 'SAC', 'ORC']);
    expect([field(work, 'SPM', 2), field(work, 'SAC', 3), field(work, 'ORC', 1)]).toEqual(['NOBODY', 'NOBODY', 'DC']);
    await bench.asking.respond(work ?? '');
  }, 120_000);

  test('3.28 a known specimen without work for this analyzer: DC, and nothing of the patient', async () => {
    const { label } = await order({ tests: [sodium] });
    const [response, work] = await bench.asking.ask(`WOS^Work Order Step^IHELAW|t3|${label}`, 2);
    expect(field(response, 'QAK', 2)).toBe('NF');
    expect(segmentsOf(work)).toEqual(['MSH', 'SPM', 'SAC', 'ORC']);
    expect(work).not.toContain('Saleh');
  }, 120_000);

  test.each([
    ['rack', 'WOS_BY_RACK^Work Order Step^IHELAW|t4||RK|7', 'RK/7'],
    ['tray', 'WOS_BY_TRAY^Work Order Step^IHELAW|t5||||TR|B2', 'TR/B2'],
  ])(
    '3.27.4.1 by %s and position',
    async (_, qpd, value) => {
      const container = [{ identifier: [{ system: 'urn:makhbar:carrier-position', value }] }];
      const { orders } = await order({ tests: [glucose], specimen: { container } });
      const [response, work] = await bench.asking.ask(qpd, 2);
      expect([field(response, 'QAK', 2), field(work, 'OBR', 2)]).toEqual(['OK', orders[0]]);
    },
    120_000,
  );

  test('3.27.4.1 WOS_ALL: a message for each specimen', async () => {
    const some = [await order({ tests: [glucose] }), await order({ tests: [glucose] })];
    const [response] = await bench.asking.askApart('WOS_ALL^Work Order Step All^IHELAW|t6', 3);
    expect(field(response, 'QAK', 2)).toBe('OK');
    for (const { orders } of some) await statusOf(bench.asking, orders[0], 'requested');
  }, 120_000);

  test.each([
    ['no kind of query', 'ABC|t7|X', '103', 'QPD^1^1'],
    ['no tag', 'WOS||X', '101', 'QPD^1^2'],
    ['no specimen', 'WOS|t8', '101', 'QPD^1^3'],
  ])(
    '3.27.4.2 %s: QAK-2 AE and the place',
    async (_, qpd, code, place) => {
      const [response] = await bench.asking.ask(qpd);
      expect([codeOf(response), field(response, 'QAK', 2)]).toEqual(['AE', 'AE']);
      expect(response).toContain(`ERR||${place}`);
      expect(field(response, 'ERR', 3)).toContain(code);
    },
    120_000,
  );

  test('one label on two specimens: nothing is guessed', async () => {
    const { label } = await order({ tests: [glucose] });
    await order({ tests: [glucose], label });
    const [response] = await bench.asking.ask(`WOS|t9|${label}`);
    expect([codeOf(response), field(response, 'QAK', 2), field(response, 'ERR', 3)]).toEqual([
      'AE',
      'AE',
      '205^Duplicate key identifier^HL70357',
    ]);
  }, 120_000);

  test('the work goes on the connection of orders where there is one', async () => {
    const { label, orders } = await order({ tests: [potassium], specimen: { receivedTime: undefined } });
    const responses = await bench.chemistry.ask(`WOS|t10|${label}`);
    expect(responses.map((one) => field(one, 'QAK', 2))).toEqual(['OK']);
    const [work] = await bench.chemistry.works(String(orders[0]));
    expect(field(work, 'SAC', 3)).toBe(label);
  }, 120_000);
});

describe('LAB-28: work is sent as it comes', () => {
  test('3.28.4.1 a test that the analyzer does, on a received specimen; ORL OK: accepted', async () => {
    const { orders } = await order({ tests: [sodium] });
    const [work] = await bench.chemistry.works(String(orders[0]));
    expect([field(work, 'ORC', 1), field(work, 'OBR', 4).split('^')[0]]).toEqual(['NW', sodium]);
    await statusOf(bench.chemistry, orders[0], 'accepted');
    expect(await taskOf(bench.second, orders[0])).toEqual([]);
  }, 120_000);

  test('3.28.4.1 not before the specimen is received', async () => {
    const { orders, specimen } = await order({ tests: [sodium], specimen: { receivedTime: undefined } });
    const later = await order({ tests: [sodium] });
    await bench.chemistry.works(String(later.orders[0]));
    expect(await taskOf(bench.chemistry, orders[0])).toEqual([]);
    await patch(`Specimen/${specimen}`, [{ op: 'add', path: '/receivedTime', value: '2026-01-31T09:00:00+03:00' }]);
    await bench.chemistry.works(String(orders[0]));
  }, 120_000);

  test('3.28.4.2 UA: the step is rejected, with the reason; the order stays', async () => {
    const { chemistry } = bench;
    const { answer } = chemistry;
    chemistry.answer = () => 'UA';
    const { orders } = await order({ tests: [sodium] });
    expect(await statusOf(chemistry, orders[0], 'rejected')).toEqual({ text: expect.stringContaining('UA') });
    chemistry.answer = answer;
    const [request] = await search(`ServiceRequest?_id=${orders[0]}`);
    expect(request?.['status']).toBe('active');
  }, 120_000);

  test.each([
    ['CR', 'cancelled'],
    ['UC', 'in-progress'],
  ] as const)(
    '3.28.4.1 the laboratory cancels: ORC-1 CA; %s: %s',
    async (code, status) => {
      const { chemistry } = bench;
      const { answer } = chemistry;
      const { orders } = await order({ tests: [sodium] });
      await statusOf(chemistry, orders[0], 'accepted');
      chemistry.answer = () => code;
      await patch(`ServiceRequest/${orders[0]}`, [{ op: 'replace', path: '/status', value: 'revoked' }]);
      const [, cancel] = await chemistry.works(String(orders[0]), 2);
      expect([field(cancel, 'ORC', 1), field(cancel, 'ORC', 2)]).toEqual(['CA', orders[0]]);
      await statusOf(chemistry, orders[0], status);
      chemistry.answer = answer;
    },
    120_000,
  );

  test('3.28 an order that is deleted is cancelled like one that is revoked', async () => {
    const { chemistry, lab } = bench;
    const { orders } = await order({ tests: [sodium] });
    await statusOf(chemistry, orders[0], 'accepted');
    expect((await lab.fetch(`ServiceRequest/${orders[0]}`, { method: 'DELETE' })).ok).toBe(true);
    const [, cancel] = await chemistry.works(String(orders[0]), 2);
    expect([field(cancel, 'ORC', 1), field(cancel, 'ORC', 2)]).toEqual(['CA', orders[0]]);
    await statusOf(chemistry, orders[0], 'cancelled');
  }, 120_000);

  test('3.28 redundant work is cancelled on the other analyzer when one has begun it', async () => {
    const { chemistry, second } = bench;
    const { orders, label } = await order({ tests: [potassium] });
    for (const one of [chemistry, second]) await statusOf(one, orders[0], 'accepted');
    const begun = await chemistry.report(
      `b${label}`,
      `SPM|1|${label}||SER|||||||P`,
      `OBR|1|${orders[0]}||2823-3^K^LN`,
      'ORC|SC||||IP',
    );
    expect(codeOf(begun)).toBe('AA');
    const [, cancel] = await second.works(String(orders[0]), 2);
    expect(field(cancel, 'ORC', 1)).toBe('CA');
    await statusOf(second, orders[0], 'cancelled');
    await statusOf(chemistry, orders[0], 'in-progress');
  }, 120_000);
});

describe('LAB-29: results', () => {
  const spm = (label: string, role = 'P'): string => `SPM|1|${label}||SER^Serum^HL70487|||||||${role}`;
  const obr = (number: string | undefined, code = 'GLU^Glucose^99C'): string => `OBR|1|${number}||${code}`;
  const obx = (value: string, subId = '1', code = 'GLU^Glucose^99C'): string =>
    `OBX|1|NM|${code}|${subId}|${value}|mmol/L^^UCUM||H|||F|||||tech||C303^ROCHE~4711^ROCHE~1^ROCHE|20260131090000`;

  test('3.29.4.1 a result belongs to its order and patient; flag, Device, mapped code; the step is completed', async () => {
    const { asking } = bench;
    const { orders, label, patient, specimen } = await order({ tests: [glucose] });
    const ack = await asking.report(`r${label}`, spm(label), obr(orders[0]), 'ORC|SC||||CM', obx('7.80'));
    expect([codeOf(ack), field(ack, 'MSH', 9)]).toEqual(['AA', 'ACK^R22^ACK']);
    const [result, ...more] = await search(`Observation?based-on=ServiceRequest/${orders[0]}`);
    expect(more).toEqual([]);
    expect(result).toMatchObject({
      ...{ subject: { reference: `Patient/${patient}` }, specimen: { reference: `Specimen/${specimen}` } },
      ...{ valueQuantity: { value: 7.8, unit: 'mmol/L' }, interpretation: [{ coding: [{ code: 'H' }] }] },
      code: { coding: [{ system: loinc, code: glucose }, { code: 'GLU' }] },
    });
    const { reference } = (result ?? {})['device'] as { reference: string };
    const [device] = await search(`Device?_id=${reference.split('/')[1]}`);
    expect(device).toMatchObject({ identifier: [{ value: 'C303/4711/1' }] });
    await statusOf(asking, orders[0], 'completed');
    expect(await search(`DiagnosticReport?subject=Patient/${patient}`)).toEqual([]);
  }, 120_000);

  test('3.29.4.1 unsolicited (OBR-2 ""): the patient of the specimen, and no order is invented', async () => {
    const { label, patient } = await order({ tests: [sodium] });
    const ack = await bench.asking.report(`u${label}`, spm(label), obr('""'), obx('5.1'));
    expect(codeOf(ack)).toBe('AA');
    const [result] = await search(`Observation?subject=Patient/${patient}`);
    expect(result).toMatchObject({ valueQuantity: { value: 5.1 } });
    expect(result).not.toHaveProperty('basedOn');
    expect(await search(`ServiceRequest?subject=Patient/${patient}`)).toHaveLength(1);
  }, 120_000);

  test('3.29 an order that nobody knows: kept without it, and said', async () => {
    const { label, patient } = await order({ tests: [] });
    const ack = await bench.asking.report(`x${label}`, spm(label), obr('AWOS-1'), obx('5.2'));
    expect([codeOf(ack), field(ack, 'ERR', 2), field(ack, 'ERR', 4)]).toEqual(['AA', 'OBR^1^2^1', 'W']);
    expect(await search(`Observation?subject=Patient/${patient}`)).toHaveLength(1);
  }, 120_000);

  test('3.29 results of one order over several messages, or again with others: each once', async () => {
    const { asking } = bench;
    const { label, orders } = await order({ tests: [glucose] });
    const all = [obx('1.1', '1'), obx('2.2', '2', 'HBA^HbA1c^99C')];
    await asking.report(`1${label}`, spm(label), obr(orders[0]), all[0] ?? '');
    await asking.report(`2${label}`, spm(label), obr(orders[0]), all[1] ?? '');
    await asking.report(`3${label}`, spm(label), obr(orders[0]), ...all);
    const found = await search(`Observation?based-on=ServiceRequest/${orders[0]}`);
    expect(found.map(({ meta }) => (meta as { versionId: string }).versionId)).toEqual(['1', '1']);
  }, 120_000);

  test.each([
    ['the same', 'same', 'same'],
    ['a new', 'first', 'second'],
  ])(
    '3.29 a retransmission with %s MSH-10 is acknowledged AA and applied once',
    async (_, first, second) => {
      const { label, orders } = await order({ tests: [glucose] });
      const message = [spm(label), obr(orders[0]), obx('3.3')];
      const answers = [
        await bench.asking.report(`${first}${label}`, ...message),
        await bench.asking.report(`${second}${label}`, ...message),
      ];
      expect(answers.map((one) => [codeOf(one), field(one, 'MSA', 2)])).toEqual([
        ['AA', `${first}${label}`],
        ['AA', `${second}${label}`],
      ]);
      expect(await search(`Observation?based-on=ServiceRequest/${orders[0]}`)).toHaveLength(1);
    },
    120_000,
  );

  test('3.29.4.1 the number of the specimen is SAC-3 where SPM-2 is empty', async () => {
    const { label, patient } = await order({ tests: [] });
    await bench.asking.report(`s${label}`, spm(''), `SAC|||${label}`, obr('""'), obx('4.4'));
    const [result] = await search(`Observation?subject=Patient/${patient}`);
    expect(result).toMatchObject({ valueQuantity: { value: 4.4 }, specimen: { reference: expect.any(String) } });
  }, 120_000);

  test('3.29.4.1 raw and supplemental data are no results of the patient; the result is derived from them', async () => {
    const { label, orders, patient } = await order({ tests: [glucose] });
    const ack = await bench.asking.report(
      ...([`w${label}`, spm(label), obr(orders[0]), obx('6.6')] as const),
      'OBX|2|NM|ABS^Absorbance^99C^S_RAW^Raw_Supplemental^IHELAW|1.1|0.123||||||F',
      'OBX|3|ST|NOTE^Remark^99C^S_OTHER^Other_Supplemental^IHELAW|1.2|probe 2||||||F',
    );
    expect(codeOf(ack)).toBe('AA');
    const results = await search(`Observation?subject=Patient/${patient}`);
    expect(results.map(({ valueQuantity }) => (valueQuantity as { value: number }).value)).toEqual([6.6]);
    const raw = ((results[0] ?? {})['derivedFrom'] as { reference: string }[]).map(
      ({ reference }) => reference.split('/')[1],
    );
    const found = await search(`Observation?_id=${raw.join(',')}`);
    expect(found).toHaveLength(2);
    for (const one of found) {
      expect(one).toMatchObject({
        category: [{ coding: [{ code: 'supplemental' }] }],
        subject: { reference: expect.stringMatching(/^Device\//) },
      });
      expect(one).not.toHaveProperty('basedOn');
    }
  }, 120_000);

  test('3.29.4.1 controls (SPM-11 Q) are kept apart, each run by itself, even with the label of a patient', async () => {
    const { label, patient, specimen } = await order({ tests: [glucose] });
    const runs = ['20260131090000', '20260131100000'];
    for (const run of runs) {
      const ack = await bench.asking.report(
        `c${run}${label}`,
        spm(label, 'Q^Control^HL70369'),
        `SAC|||${label}`,
        obr('""'),
        obx('9.9').replace('20260131090000', run),
      );
      expect(codeOf(ack)).toBe('AA');
    }
    expect(await search(`Observation?subject=Patient/${patient}`)).toEqual([]);
    expect(await search(`Observation?specimen=Specimen/${specimen}`)).toEqual([]);
    const controls = await search(`Observation?specimen.identifier=urn:makhbar:control-material|${label}`);
    expect(controls).toHaveLength(2);
    for (const one of controls) expect(one).toMatchObject({ category: [{ coding: [{ code: 'quality-control' }] }] });
  }, 120_000);

  test('3.29.4.1 INV and TCD: lots are Devices that the result names, a dilution is a note', async () => {
    const { label, orders } = await order({ tests: [glucose] });
    const inv = 'INV|RGT^Reagent^99C|OK^^HL70383|R1^^HL70384|||||||||20270131||||LOT7';
    await bench.asking.report(`i${label}`, spm(label), obr(orders[0]), obx('7.7'), 'TCD|GLU^Glucose^99C|^1^:^5', inv);
    const [result] = await search(`Observation?based-on=ServiceRequest/${orders[0]}`);
    expect(result?.['note']).toEqual([{ text: 'Dilution 1:5' }]);
    const [{ valueReference: { reference } } = { valueReference: { reference: '' } }] = (result ?? {})['extension'] as {
      valueReference: { reference: string };
    }[];
    const [lot] = await search(`Device?_id=${reference.split('/')[1]}`);
    expect(lot).toMatchObject({ lotNumber: 'LOT7', expirationDate: '2027-01-31' });
  }, 120_000);

  test('a code of the analyzer without a mapping is kept as it came and listed', async () => {
    const { label, orders } = await order({ tests: [glucose] });
    await bench.asking.report(`n${label}`, spm(label), obr(orders[0]), obx('1', '1', 'XYZ^Unknown^99C'));
    const [result] = await search(`Observation?based-on=ServiceRequest/${orders[0]}`);
    expect(result).toMatchObject({ code: { coding: [{ code: 'XYZ' }] } });
    const [stored] = await listMessages(session(bench.lab), { controlId: `n${label}`, count: 1 });
    expect(JSON.stringify(stored?.problems)).toContain('XYZ');
  }, 120_000);
});
