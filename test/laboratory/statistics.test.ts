/** Numbers of a laboratory: worked out by hand on a few resources, and asked of a server. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { makeStatistics, type Interval, type Row } from '../../src/laboratory/statistics.ts';
import { catalogueSystem, extensionUrl, objects } from '../../src/laboratory/terms.ts';
import { signIn, type Laboratory } from '../server.ts';
import { addPatient, done, laboratoryWithCatalogue, resourcesOf, said } from './laboratory.ts';

const code = (of: string): JsonObject => ({ coding: [{ system: catalogueSystem, code: of }] });
const at = (minutes: number, day = 30): string => new Date(Date.UTC(2026, 0, day, 6, minutes)).toISOString();
const flag = (of: string): JsonObject => ({ interpretation: [{ coding: [{ code: of }] }] });

/** Results of as many specimens, released so many minutes after their receipt. */
function told(interval: Interval, after: readonly number[]): Row[] {
  const statistics = makeStatistics(interval, 'Asia/Aden');
  after.forEach((minutes, n) => {
    const id = String(n);
    statistics.order({ id, authoredOn: at(0), code: code('potassium') });
    statistics.specimen({ id, collection: { collectedDateTime: at(10) }, receivedTime: at(30) });
    statistics.result({
      ...{ id, status: 'final', code: code('potassium'), effectiveDateTime: at(10), issued: at(30 + minutes) },
      specimen: { reference: `Specimen/${id}` },
      basedOn: [{ reference: `ServiceRequest/${id}` }],
    });
  });
  return statistics.rows();
}

const one = (rows: readonly Row[], measure: string, of = '', period = ''): unknown =>
  rows.find((row) => row.measure === measure && row.of === of && row.period === period)?.value;

describe('worked out by hand', () => {
  test.each([
    [[5], [5, 5, 5]],
    [
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      [5, 9, 10],
    ],
    [Array.from({ length: 100 }, (_, n) => 100 - n), [50, 90, 95]],
  ])('percentiles by nearest rank of %j', (after, expected) => {
    const rows = told('all', after);
    expect(['p50', 'p90', 'p95'].map((p) => one(rows, `received-to-released-${p}`))).toEqual(expected);
    expect(one(rows, 'received-to-released-p50', 'potassium')).toBe(expected[0]);
    expect(one(rows, 'ordered-to-released-p50')).toBe(Number(expected[0]) + 30);
    expect(one(rows, 'collected-to-received-p90')).toBe(20);
    expect([one(rows, 'orders'), one(rows, 'orders', 'potassium')]).toEqual([after.length, after.length]);
  });

  test('shares, by test, reason and rule', () => {
    const statistics = makeStatistics('all', 'UTC');
    const rejected = { url: extensionUrl('rejection-reason'), valueCodeableConcept: { coding: [{ code: 'RH' }] } };
    statistics.specimen({ id: '1', receivedTime: at(0), extension: [rejected] });
    for (const id of ['2', '3']) statistics.specimen({ id, receivedTime: at(0) });
    const verified = { extension: [{ url: extensionUrl('verification'), valueString: 'Passed: Critical (no)' }] };
    const reviewed = [...verified.extension, { url: extensionUrl('reviewed-by'), valueString: 'tarek' }];
    const result = { code: code('hb'), effectiveDateTime: at(0), status: 'final' };
    statistics.result({ ...result, ...verified, ...flag('N') });
    statistics.result({ ...result, extension: reviewed, ...flag('LL') });
    statistics.result({ ...result, status: 'corrected', ...flag('H') });
    statistics.result({ ...result, status: 'preliminary', ...flag('HH') });
    const broken = { url: extensionUrl('control'), extension: [{ url: 'broken', valueString: '1-3s' }] };
    statistics.control({ code: code('hb'), effectiveDateTime: at(0), extension: [broken], ...flag('A') });
    statistics.control({ code: code('hb'), effectiveDateTime: at(0), ...flag('N') });
    statistics.call({ status: 'completed', authoredOn: at(0), lastModified: at(12) });
    statistics.call({ status: 'requested', authoredOn: at(0) });
    const rows = statistics.rows();
    expect(Object.fromEntries(rows.map(({ measure, of, value }) => [`${measure} ${of}`.trim(), value]))).toEqual({
      ...{ specimens: 3, 'specimens-rejected': 1, 'specimens-rejected RH': 1, 'specimens-rejected-share': 33.3 },
      ...{ results: 4, 'results hb': 4, 'results-critical': 2, 'results-critical hb': 2, 'results-critical-share': 50 },
      ...{ 'results-released': 3, 'results-autoverified': 1, 'results-autoverified-share': 33.3 },
      ...{ 'results-corrected': 1, 'results-corrected hb': 1 },
      ...{ controls: 2, 'controls hb': 2, 'controls-failed': 1, 'controls-failed hb': 1, 'controls-failed-share': 50 },
      ...{ 'control-rules-broken 1-3s': 1, calls: 2 },
      ...{ 'critical-to-called-p50': 12, 'critical-to-called-p90': 12, 'critical-to-called-p95': 12 },
    });
  });

  test.each<[Interval, string, string[]]>([
    ['day', 'Asia/Aden', ['2026-01-30', '2026-02-01']],
    ['day', 'UTC', ['2026-01-30', '2026-01-31']],
    ['month', 'Asia/Aden', ['2026-01', '2026-02']],
    ['all', 'UTC', ['']],
  ])('by %s in %s', (interval, zone, periods) => {
    const statistics = makeStatistics(interval, zone);
    statistics.order({ id: '1', authoredOn: '2026-01-30T12:00:00Z', code: code('hb') });
    statistics.order({ id: '2', authoredOn: '2026-01-31T22:00:00Z', code: code('hb') });
    const rows = statistics.rows().filter(({ measure, of }) => measure === 'orders' && of === '');
    expect(rows.map(({ period }) => period)).toEqual(periods);
  });
});

describe('asked of a server', () => {
  let lab: Laboratory;
  const today = new Date().toISOString().slice(0, 10);
  const query = `Observation/$laboratory-statistics?start=${today}&end=${today}`;

  beforeAll(async () => {
    lab = await laboratoryWithCatalogue();
    const patient = await addPatient(lab);
    const order = resourcesOf(await done(lab, 'ServiceRequest/$order', { patient, test: ['potassium'] }), 'order');
    const [id] = order.map((one) => String(one['id']));
    const accession = await done(lab, 'Specimen/$accession', { order: `ServiceRequest/${id}` });
    const [specimen] = resourcesOf(accession, 'specimen').map((found) => String(found['id']));
    await done(lab, `Specimen/${specimen}/$collect`);
    await done(lab, `Specimen/${specimen}/$reject`, { reason: 'RH' });
  }, 60_000);

  test('as Parameters and as a table', async () => {
    const body = (await (await lab.fetch(query)).json()) as JsonObject;
    const rows = objects(body['parameter']).map(({ part }) =>
      Object.fromEntries(objects(part).map(({ name, ...value }) => [String(name), Object.values(value)[0]])),
    );
    expect(rows).toContainEqual({ measure: 'specimens-rejected', of: 'RH', value: 1, unit: '1' });
    // The rejection ordered it again.
    expect(rows).toContainEqual({ measure: 'orders', of: 'potassium', value: 2, unit: '1' });
    const table = await (await lab.fetch(`${query}&interval=day&_format=csv`)).text();
    expect(table).toContain(`"specimens-rejected","RH","${today}",1,"1"`);
  });

  test.each([
    [`start=${today}&end=2020-01-01`, 400, '366 days at most'],
    ['start=2020-01-01&end=2026-01-01', 400, '366 days at most'],
    ['start=2026-02-30&end=2026-03-01', 400, 'start is a day'],
    [`start=${today}&end=${today}&interval=week`, 400, 'interval'],
  ])('%s is refused', async (given, status, sentence) => {
    const answer = await said(await lab.fetch(`Observation/$laboratory-statistics?${given}`));
    expect([answer.status, answer.said]).toEqual([status, expect.stringContaining(sentence)]);
  });

  test('who sees a part gets no numbers; another laboratory has its own', async () => {
    const part = 'system/Observation.rs system/ServiceRequest.rs?status=active system/Specimen.rs system/Task.rs';
    const refused = await said(await (await signIn(lab.tenant, part)).fetch(query));
    expect([refused.status, refused.said]).toEqual([403, expect.stringContaining('every ServiceRequest')]);
    const other = await laboratoryWithCatalogue();
    expect(await (await other.fetch(query)).json()).toEqual({ resourceType: 'Parameters' });
  }, 60_000);
});
