/** Calibrations and reagent lots: marks in the chart, and results that wait for a control. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { extensions, objects } from '../../src/laboratory/terms.ts';
import type { Laboratory } from '../server.ts';
import { addPatient, done, laboratoryWithCatalogue, parameters, resourcesOf, send, type Given } from './laboratory.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await laboratoryWithCatalogue({ settings: { controlAfterChange: true } });
}, 120_000);

const refer = ({ resourceType, id }: JsonObject): string => `${String(resourceType)}/${String(id)}`;

async function device(): Promise<string> {
  return refer((await send(lab, 'Device', { resourceType: 'Device', status: 'active' })).body);
}

async function entered(analyzer: string): Promise<JsonObject> {
  const patient = await addPatient(lab, { gender: 'male', birthDate: '1976-05-02' });
  const [order = {}] = resourcesOf(await done(lab, 'ServiceRequest/$order', { patient, test: 'potassium' }), 'order');
  const part = [
    { name: 'analyte', valueString: 'potassium' },
    { name: 'value', valueString: '4.0' },
    { name: 'comment-code', valueString: 'haemolysed' },
  ];
  const answer = await send(lab, 'Observation/$enter-results', {
    resourceType: 'Parameters',
    parameter: [
      { name: 'order', valueReference: { reference: refer(order) } },
      { name: 'device', valueReference: { reference: analyzer } },
      { name: 'result', part },
    ],
  });
  expect([answer.status, answer.said]).toEqual([200, '']);
  return resourcesOf(answer.body, 'result')[0]!;
}

const state = (resource: JsonObject): unknown => extensions(resource, 'result-state')[0]?.['valueCode'];

async function control(analyzer: string, value: string, time?: string): Promise<JsonObject[]> {
  const part = Object.entries({ analyte: 'potassium', level: '1', value, mean: '4', sd: '0.1' }).map(
    ([name, valueString]) => ({ name, valueString }),
  );
  const answer = await send(lab, 'Observation/$control-run', {
    resourceType: 'Parameters',
    parameter: [
      { name: 'device', valueReference: { reference: analyzer } },
      { name: 'lot', valueString: 'C-1' },
      ...(time === undefined ? [] : [{ name: 'time', valueDateTime: time }]),
      { name: 'result', part },
    ],
  });
  expect([answer.status, answer.said]).toEqual([200, '']);
  return resourcesOf(answer.body, 'hold');
}

describe('another reagent lot', () => {
  test('holds results until a control passes, and stands in the chart', async () => {
    const analyzer = await device();
    const before = await entered(analyzer);
    expect([state(before), JSON.stringify(before['note'])]).toEqual(['entered', expect.stringContaining('العينة')]);
    const change = { device: analyzer, kind: 'reagent-lot', analyte: 'potassium', lot: 'R-77', note: 'opened' };
    const answer = await done(lab, 'Observation/$analyzer-change', change);
    expect(resourcesOf(answer, 'hold')).toHaveLength(1);
    const read = async (): Promise<unknown> => state((await (await lab.fetch(refer(before))).json()) as JsonObject);
    expect([await read(), state(await entered(analyzer)), state(await entered(await device()))]).toEqual([
      'held',
      'held',
      'entered',
    ]);
    // One that was measured before the change says nothing of it.
    expect(await control(analyzer, '4.0', new Date(Date.now() - 3_600_000).toISOString())).toEqual([]);
    expect(await read()).toBe('held');
    const [failed] = await control(analyzer, '4.5');
    expect(failed).toMatchObject({ status: 'requested' });
    expect(await control(analyzer, '4.0')).toEqual([expect.objectContaining({ status: 'completed' })]);
    expect(await read()).toBe('held');
    await done(lab, 'Observation/$control-release', { device: analyzer, analyte: 'potassium', reason: 'repeated' });
    expect([await read(), state(await entered(analyzer))]).toEqual(['entered', 'entered']);
    await done(lab, 'Observation/$analyzer-change', { device: analyzer, kind: 'calibration', analyte: 'potassium' });
    expect(await read()).toBe('held');
    expect(await control(analyzer, '4.1')).toEqual([expect.objectContaining({ status: 'completed' })]);
    expect(await read()).toBe('entered');
    await done(lab, 'Observation/$review', { result: refer(before), 'comment-code': 'repeated' });
    expect(await (await lab.fetch(refer(before))).text()).toContain('confirmed by a second measurement');

    const chart = await done(lab, 'Observation/$levey-jennings', { device: analyzer, analyte: 'potassium' });
    const marks = objects(chart['parameter']).filter(({ name }) => name === 'mark');
    expect(marks.map(({ part }) => objects(part)[1]?.['valueCode'])).toEqual(['reagent-lot', 'calibration']);
    const svg = await lab.fetch(`Observation/$levey-jennings?device=${analyzer}&analyte=potassium&picture=svg`);
    const drawn = await svg.text();
    expect([drawn.match(/<line class="mark"/g)?.length, drawn.includes('reagent-lot · R-77')]).toEqual([2, true]);
  });

  test.each<[string, Record<string, Given>, string]>([
    ['without a lot', { kind: 'reagent-lot', analyte: 'potassium' }, 'lot'],
    ['of an unknown kind', { kind: 'party', analyte: 'potassium' }, 'calibration, reagent-lot'],
    ['of nothing', { kind: 'calibration' }, 'analyte'],
    ['of what is no code', { kind: 'calibration', analyte: 'a|b' }, 'a code of the catalogue'],
    ['still to come', { kind: 'calibration', analyte: 'potassium', time: '2999-01-01T00:00:00Z' }, 'still to come'],
  ])('%s is refused', async (_, given, sentence) => {
    const answer = await send(lab, 'Observation/$analyzer-change', parameters({ device: 'Device/1', ...given }));
    expect([answer.status >= 400 && answer.status < 500, answer.said]).toEqual([
      true,
      expect.stringContaining(sentence),
    ]);
  });
});
