/** Observation/$stats, by its parameters. https://hl7.org/fhir/R4/observation-operation-stats.html */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { statistics } from '../../src/operations/stats-numbers.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { ask, concept, digits, observation, patient, sentence, store, type Json } from './store.ts';

let lab: Laboratory;

const ucum = 'http://unitsofmeasure.org';

function value(number: string, code = 'mmol/L', more: Json = {}): Json {
  return { valueQuantity: { value: digits(number), unit: code, system: ucum, code, ...more } };
}

function potassium(id: string, number: string, more: Json = {}): Json {
  return observation(id, 'Patient/k', { code: concept('2823-3'), ...value(number), ...more });
}

const codeOf = (coding: string): Json => ({ code: concept(coding) });

const resources: readonly Json[] = [
  patient('k'),
  potassium('k1', '4.10', { effectiveDateTime: '2026-01-01' }),
  potassium('k2', '4.30', { effectiveDateTime: '2026-01-02' }),
  potassium('k3', '3.9', { effectiveDateTime: '2026-01-03' }),
  potassium('k4', '5000', { ...value('5000', 'umol/L'), effectiveDateTime: '2025-01-01' }),
  potassium('wrong', '99', { status: 'entered-in-error', effectiveDateTime: '2026-01-02' }),
  potassium('less', '0.1', { ...value('0.1', 'mmol/L', { comparator: '<' }), effectiveDateTime: '2026-01-02' }),
  potassium('unit', '7', {
    valueQuantity: { value: 7, unit: 'drops', system: 'http://other.example', code: 'drops' },
    effectiveDateTime: '2026-01-02',
  }),
  potassium('no-value', '0', {
    valueQuantity: undefined,
    dataAbsentReason: { text: 'haemolysed' },
    effectiveDateTime: '2026-01-02',
  }),
  potassium('modified', '50', {
    modifierExtension: [{ url: 'http://example.org/not', valueBoolean: true }],
    effectiveDateTime: '2026-01-02',
  }),
  patient('bp'),
  ...[
    ['bp1', '120', '80'],
    ['bp2', '130', '90'],
  ].map(([id = '', high = '', low = '']) =>
    observation(id, 'Patient/bp', {
      code: concept('85354-9'),
      component: [
        { ...codeOf('8480-6'), ...value(high, 'mm[Hg]') },
        { ...codeOf('8462-4'), ...value(low, 'mm[Hg]') },
      ],
    }),
  ),
  patient('panel'),
  observation('na', 'Patient/panel', { ...codeOf('2951-2'), ...value('140') }),
  observation('cl', 'Patient/panel', { ...codeOf('2075-0'), ...value('100') }),
  observation('alone', 'Patient/panel', { ...codeOf('2075-0'), ...value('1') }),
  observation('electrolytes', 'Patient/panel', {
    ...codeOf('24326-1'),
    hasMember: [{ reference: 'Observation/na' }, { reference: 'Observation/cl' }],
  }),
  patient('mixed'),
  observation('m1', 'Patient/mixed', { ...codeOf('2345-7'), ...value('5') }),
  observation('m2', 'Patient/mixed', { ...codeOf('2345-7'), ...value('90', 'mg/dL') }),
  patient('warm'),
  observation('w1', 'Patient/warm', {
    ...codeOf('8310-5'),
    ...value('100.4', '[degF]'),
    effectiveDateTime: '2026-01-01',
  }),
  observation('w2', 'Patient/warm', { ...codeOf('8310-5'), ...value('37', 'Cel'), effectiveDateTime: '2026-01-02' }),
];

beforeAll(async () => {
  lab = await makeLaboratory();
  await store(lab, resources);
});

interface Result {
  code: string;
  values: Record<string, string>;
  units: Record<string, unknown>;
}

/** The statistics answered, numbers as written. */
async function calculate(query: string, who = lab): Promise<Result[]> {
  const { status, text } = await ask(who, `Observation/$stats?${query}`);
  expect([status, status === 200 ? '' : text]).toEqual([200, '']);
  const quoted = JSON.parse(text.replace(/"value":(-?[\d.]+)/g, '"value":"$1"')) as Json;
  return parts(quoted, 'statistics').map((resource) => {
    const values: Record<string, string> = {};
    const units: Record<string, unknown> = {};
    for (const { code, valueQuantity, dataAbsentReason } of resource['component'] as Json[]) {
      const [{ code: name }] = (code as { coding: [{ code: string }] }).coding;
      const quantity = valueQuantity as { value: string; code: string } | undefined;
      values[name] = quantity?.value ?? (dataAbsentReason as { coding: [{ code: string }] }).coding[0].code;
      units[name] = quantity?.code;
    }
    const { coding } = resource['code'] as { coding: [{ code: string }] };
    return { code: coding[0].code, values, units };
  });
}

function parts(parameters: Json, name: string): Json[] {
  return ((parameters['parameter'] ?? []) as { name: string; resource: Json }[])
    .filter((part) => part.name === name)
    .map(({ resource }) => resource);
}

const loinc = 'system=http://loinc.org';
const k = `subject=Patient/k&${loinc}&code=2823-3`;
const every = Object.keys(statistics)
  .map((code) => `statistic=${code}`)
  .join('&');

describe('values', () => {
  test('decimals are exact, units are brought to the newest', async () => {
    const [result, ...others] = await calculate(`${k}&${every}`);
    expect(others).toEqual([]);
    expect(result?.code).toBe('2823-3');
    expect(result?.values).toMatchObject({
      average: '4.325',
      maximum: '5',
      minimum: '3.9',
      count: '4',
      'total-count': '8',
      median: '4.20',
      sum: '17.30',
      '4-lower': '4.05',
      '4-upper': '4.475',
      '4-dev': '0.2125',
    });
    expect(result?.units).toMatchObject({ average: 'mmol/L', variance: '(mmol/L).(mmol/L)', count: '1', skew: '1' });
  });

  test('every statistic that is offered is answered', async () => {
    const [result] = await calculate(`${k}&${every}`);
    expect(Object.keys(result?.values ?? {})).toEqual(Object.keys(statistics));
  });

  test('temperatures convert with their offset', async () => {
    const [result] = await calculate(`subject=Patient/warm&${loinc}&code=8310-5&statistic=maximum,minimum,variance`);
    expect(result?.values).toEqual({ maximum: '38', minimum: '37', variance: '0.5' });
    expect(result?.units).toEqual({ maximum: 'Cel', minimum: 'Cel', variance: undefined });
  });

  test('units that do not convert are refused by name', async () => {
    const answer = await ask(lab, `Observation/$stats?subject=Patient/mixed&${loinc}&code=2345-7&statistic=average`);
    expect(answer.status).toBe(422);
    expect(sentence(answer.json)).toMatch(/2345-7 are in (mg\/dL and in mmol\/L|mmol\/L and in mg\/dL)/);
  });

  test('nothing found: counts are zero, the rest does not apply', async () => {
    const [result] = await calculate(`subject=Patient/k&${loinc}&code=1-8&statistic=count,total-count,average`);
    expect(result?.values).toEqual({ count: '0', 'total-count': '0', average: 'not-applicable' });
  });
});

describe('regression', () => {
  /** Day 0: 1, day 1: 3, day 2: 2, day 4: 6 — by hand: x̄ = 7/4, ȳ = 3, Sxy = 10, Sxx = 35/4. */
  const measured: readonly (readonly [id: string, when: Json, number: string])[] = [
    ['r0', { effectiveDateTime: '2026-03-01T08:00:00Z' }, '1.0'],
    ['r1', { effectivePeriod: { start: '2026-03-02T08:00:00Z', end: '2026-03-02T09:00:00Z' } }, '3.0'],
    ['r2', { effectiveInstant: '2026-03-03T11:00:00+03:00' }, '2.0'],
    ['r4', { effectiveDateTime: '2026-03-05T08:00:00Z' }, '6.0'],
    ['never', {}, '1000'],
  ];
  const about = (whose: string): ((one: (typeof measured)[number]) => Json) =>
    function make([id, when, number]): Json {
      const subject = { subject: { reference: `Patient/${whose}` } };
      return potassium(`${whose}-${id}`, number, { effectiveDateTime: undefined, ...subject, ...when });
    };
  const regressions = async (whose: string, who = lab): Promise<Json[]> => {
    const { json, text } = await ask(
      who,
      `Observation/$stats?subject=Patient/${whose}&${loinc}&code=2823-3&statistic=regression`,
    );
    expect(text).toContain('"code":"regression"');
    return parts(json, 'statistics')[0]?.['component'] as Json[];
  };

  beforeAll(() =>
    store(lab, [
      patient('line'),
      ...measured.map(about('line')),
      patient('once'),
      ...measured.slice(0, 1).map(about('once')),
      patient('hot'),
      observation('h0', 'Patient/hot', { ...codeOf('2823-3'), ...value('37', 'Cel'), effectiveDateTime: '2026-01-01' }),
      observation('h1', 'Patient/hot', { ...codeOf('2823-3'), ...value('38', 'Cel'), effectiveDateTime: '2026-01-03' }),
    ]),
  );

  test('gradient and intercept, of what has a time', async () => {
    expect(await regressions('line')).toMatchObject([
      {
        code: { coding: [{ code: 'regression', display: 'Regression' }], text: 'Gradient per day' },
        valueQuantity: { value: 1.14285714285714, unit: 'mmol/L/d', code: 'mmol/L/d' },
      },
      {
        code: { coding: [{ code: 'regression' }], text: 'Intercept at 2026-03-01T08:00:00.000Z' },
        valueQuantity: { value: 1, unit: 'mmol/L', code: 'mmol/L' },
      },
    ]);
  });

  test('of values at one time there is no line', async () => {
    const found = await regressions('once');
    expect(found).toMatchObject([{ dataAbsentReason: { coding: [{ code: 'not-applicable' }] } }]);
  });

  test('a temperature by the day has no UCUM unit', async () => {
    const [gradient] = await regressions('hot');
    expect(gradient?.['valueQuantity']).toEqual({ value: 0.5, unit: 'Cel/d' });
  });

  test('another laboratory with the same ids has its own line', async () => {
    const other = await makeLaboratory();
    await store(other, [patient('line'), ...measured.slice(0, 2).map(about('line'))]);
    expect(await regressions('line', other)).toMatchObject([
      { valueQuantity: { value: 2 } },
      { valueQuantity: { value: 1 } },
    ]);
  });
});

describe('codes', () => {
  test('a component by its code', async () => {
    const found = await calculate(`subject=Patient/bp&${loinc}&code=8480-6&statistic=average,count`);
    expect(found).toMatchObject([{ code: '8480-6', values: { average: '125', count: '2' } }]);
  });

  test('a panel by its components', async () => {
    const found = await calculate(`subject=Patient/bp&${loinc}&code=85354-9&statistic=maximum`);
    expect(found.map(({ code, values }) => [code, values['maximum']])).toEqual([
      ['8480-6', '130'],
      ['8462-4', '90'],
    ]);
  });

  test('a panel by its members, not by others of their codes', async () => {
    const found = await calculate(`subject=Patient/panel&${loinc}&code=24326-1&statistic=maximum,count`);
    expect(new Set(found.map(({ code, values }) => [code, values['maximum'], values['count']].join()))).toEqual(
      new Set(['2075-0,100,1', '2951-2,140,1']),
    );
  });

  test('several codes, an Observation each', async () => {
    const found = await calculate(`subject=Patient/panel&${loinc}&code=2951-2&code=2075-0&statistic=count`);
    expect(found.map(({ code, values }) => [code, values['count']])).toEqual([
      ['2951-2', '1'],
      ['2075-0', '2'],
    ]);
  });
});

describe('Parameters by POST', () => {
  const body = (...parameter: Json[]): Json => ({ resourceType: 'Parameters', parameter });
  const coding = { name: 'coding', valueCoding: { system: 'http://loinc.org', code: '2823-3', display: 'Potassium' } };
  const subject = { name: 'subject', valueUri: 'Patient/k' };
  const count = { name: 'statistic', valueCode: 'count' };

  test('coding and period', async () => {
    const period = { name: 'period', valuePeriod: { start: '2026-01-02', end: '2026-01-31' } };
    const { status, json } = await ask(lab, 'Observation/$stats', body(subject, coding, count, period));
    expect(status).toBe(200);
    expect(parts(json, 'statistics')).toMatchObject([
      {
        resourceType: 'Observation',
        status: 'final',
        subject: { reference: 'Patient/k' },
        code: { coding: [{ code: '2823-3', display: 'Potassium' }] },
        effectivePeriod: { start: '2026-01-02', end: '2026-01-31' },
        component: [{ valueQuantity: { value: 2 } }],
      },
    ]);
  });

  test('include and limit', async () => {
    const include = { name: 'include', valueBoolean: true };
    const all = await ask(lab, 'Observation/$stats', body(subject, coding, count, include));
    expect(parts(all.json, 'source').map(({ id }) => id)).toEqual(['k3', 'k2', 'k1', 'k4']);
    expect(all.text).toContain('"value":4.30');
    const limit = { name: 'limit', valuePositiveInt: 2 };
    const two = await ask(lab, 'Observation/$stats', body(subject, coding, count, include, limit));
    expect(parts(two.json, 'source').map(({ id }) => id)).toEqual(['k3', 'k2']);
  });

  test('duration ends now', async () => {
    const fresh = potassium('now', '6', {
      subject: { reference: 'Patient/bp' },
      effectiveDateTime: new Date().toISOString(),
    });
    await store(lab, [fresh]);
    const [result] = await calculate(`subject=Patient/bp&${loinc}&code=2823-3&statistic=sum&duration=0.5`);
    expect(result?.values).toEqual({ sum: '6' });
    const [none] = await calculate(`${k}&statistic=count&duration=1`);
    expect(none?.values).toEqual({ count: '0' });
  });
});

test.each([
  ['no subject', `${loinc}&code=1&statistic=count`, /needs a subject/],
  ['no code', 'subject=Patient/k&statistic=count', /needs a code/],
  ['a code without system', 'subject=Patient/k&code=1&statistic=count', /needs its system/],
  ['no statistic', k, /needs a statistic/],
  ['an unknown statistic', `${k}&statistic=mode`, /"mode" is no statistic/],
  ['no such parameter', `${k}&statistic=count&colour=red`, /no parameter "colour"/],
  ['a period by GET', `${k}&statistic=count&period=2026`, /no primitive/],
  ['a negative duration', `${k}&statistic=count&duration=-1`, /duration must be/],
  ['limit zero', `${k}&statistic=count&include=true&limit=0`, /limit must be/],
  ['a prototype', `${k}&statistic=constructor`, /is no statistic/],
  ['a subject that is no reference', `subject=a b&${loinc}&code=1&statistic=count`, /subject/],
])('%s is refused', async (_name, query, words) => {
  const answer = await ask(lab, `Observation/$stats?${query}`);
  expect([answer.status, sentence(answer.json)]).toEqual([400, expect.stringMatching(words)]);
});

describe('access', () => {
  test('another laboratory with the same ids counts its own', async () => {
    const other = await makeLaboratory();
    await store(other, [patient('k'), potassium('k1', '1.0')]);
    const [theirs] = await calculate(`${k}&statistic=sum`, other);
    expect(theirs?.values).toEqual({ sum: '1.0' });
    const [ours] = await calculate(`${k}&statistic=count`);
    expect(ours?.values).toEqual({ count: '4' });
  });

  test.each([
    ['system/Patient.rs', 403],
    ['system/Observation.r', 403],
    ['system/Observation.s', 200],
  ])('%s gets %i', async (scopes, status) => {
    const caller = await signIn(lab.tenant, scopes);
    expect((await ask(caller, `Observation/$stats?${k}&statistic=count`)).status).toBe(status);
  });
});
