/** Bulk export on a real server: parameters, levels and what the files hold. https://hl7.org/fhir/uv/bulkdata/export.html */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import {
  ended,
  exported,
  json,
  kickOff,
  linesOf,
  namesOf,
  observation,
  pathOf,
  patient,
  posted,
  write,
  type Manifest,
} from './asking.ts';

let lab: Laboratory;
/** When everything but the last changes was there. */
let before: Manifest;

const provenance = (id: string, target: string): JsonObject => ({
  resourceType: 'Provenance',
  id,
  recorded: '2026-01-01T00:00:00Z',
  target: [{ reference: target }],
  agent: [{ who: { display: 'x' } }],
});

beforeAll(async () => {
  lab = await makeLaboratory({ settings: { exportConcurrency: 100 } });
  await write(lab, [
    patient('p1', { birthDate: '1980-01-01', name: [{ family: 'القاسم' }] }),
    patient('p2'),
    patient('p3'),
    observation('o1', 'p1', { valueQuantity: { value: 4.1 } }),
    observation('o2', 'p2', { status: 'preliminary' }),
    observation('o3', 'p3', { status: 'amended' }),
    { resourceType: 'Organization', id: 'org', name: 'Lab' },
    {
      resourceType: 'Group',
      id: 'g',
      type: 'person',
      actual: true,
      member: [
        { entity: { reference: 'Patient/p1' } },
        { entity: { reference: 'Patient/p2' }, inactive: true },
        { entity: { reference: 'Patient/p3' }, period: { end: '2020-01-01' } },
        { entity: { reference: 'Patient/unknown' } },
      ],
    },
    { resourceType: 'Group', id: 'definition', type: 'person', actual: false },
    provenance('v1', 'Observation/o1'),
    provenance('v2', 'Organization/org'),
  ]);
  await write(lab, [provenance('v3', 'Observation/o1')]);
  const exact =
    '{"resourceType":"Observation","id":"o4","status":"final","code":{"text":"K"},"valueQuantity":{"value":1e2}}';
  expect((await lab.fetch('Observation/o4', { method: 'PUT', headers: json, body: exact })).status).toBe(201);
  const text = { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: 'hello' };
  expect((await lab.fetch('Binary/b', text)).status).toBe(201);
  before = await exported(lab, '$export');
  await write(lab, [observation('o1', 'p1', { valueQuantity: { value: 4.2 } }), patient('p4')]);
  expect((await lab.fetch('Observation/o3', { method: 'DELETE' })).status).toBe(204);
}, 60_000);

const first =
  'Binary/b Group/definition Group/g Observation/o1 Observation/o2 Observation/o3 Observation/o4 Organization/org Patient/p1 Patient/p2 Patient/p3 Provenance/v1 Provenance/v2 Provenance/v3';

test('everything, digit by digit', async () => {
  expect(await namesOf(lab, before.output)).toEqual(first.split(' '));
  expect(before.error).toEqual([]);
  expect(before.deleted).toBeUndefined();
  expect(before.request).toBe(`${lab.base}/$export`);
  expect(Date.parse(before.transactionTime)).toBeLessThanOrEqual(Date.now());
  const texts = await Promise.all(before.output.map(async ({ url }) => (await lab.fetch(pathOf(lab, url))).text()));
  expect(texts.join('')).toContain('"value":1e2');
  expect(texts.join('')).toContain('القاسم');
  const binary = before.output.filter(({ type }) => type === 'Binary');
  expect(await linesOf(lab, binary)).toEqual([
    expect.objectContaining({ data: Buffer.from('hello').toString('base64') }),
  ]);
  expect(before.output.map(({ type }) => type)).toEqual([...new Set(before.output.map(({ type }) => type))]);
});

const reference = (value: string): JsonObject => ({ name: 'patient', valueReference: { reference: value } });
const text = (name: string, value: string): JsonObject => ({ name, valueString: value });

/** What is called, how, and the resources that come. */
const found: readonly [string, string, RequestInit | undefined, string][] = [
  ['a type', '$export?_type=Patient', undefined, 'Patient/p1 Patient/p2 Patient/p3 Patient/p4'],
  ['types with commas', '$export?_type=Organization,Group', undefined, 'Group/definition Group/g Organization/org'],
  ['types repeated', '$export?_type=Organization&_type=Group', undefined, 'Group/definition Group/g Organization/org'],
  ['a type there is nothing of', '$export?_type=Claim', undefined, ''],
  ['ndjson', '$export?_type=Organization&_outputFormat=ndjson', undefined, 'Organization/org'],
  ['application/ndjson', '$export?_type=Organization&_outputFormat=application/ndjson', undefined, 'Organization/org'],
  ['fhir+ndjson', '$export?_type=Organization&_outputFormat=application/fhir%2Bndjson', undefined, 'Organization/org'],
  [
    'fhir+ndjson, not escaped',
    '$export?_type=Organization&_outputFormat=application/fhir+ndjson',
    undefined,
    'Organization/org',
  ],
  ['the future', '$export?_since=2999-01-01T00:00:00Z', undefined, ''],
  ['until the past', '$export?_until=2001-01-01T00:00:00%2B03:00', undefined, ''],
  ['a filter', '$export?_type=Observation&_typeFilter=Observation%3Fstatus%3Dpreliminary', undefined, 'Observation/o2'],
  [
    'filters, any of them',
    '$export?_type=Observation,Patient&_typeFilter=Observation%3Fstatus%3Dpreliminary,Observation%3Fvalue-quantity%3D4.2&_typeFilter=Patient%3F_id%3Dp2',
    undefined,
    'Observation/o1 Observation/o2 Patient/p2',
  ],
  [
    'a filter with a chain',
    '$export?_type=Observation&_typeFilter=Observation%3Fpatient.birthdate%3D1980-01-01',
    undefined,
    'Observation/o1',
  ],
  [
    'Patient',
    'Patient/$export',
    undefined,
    'Group/g Observation/o1 Observation/o2 Patient/p1 Patient/p2 Patient/p3 Patient/p4',
  ],
  ['a group', 'Group/g/$export', undefined, 'Group/g Observation/o1 Patient/p1'],
  [
    'patients by POST',
    'Patient/$export',
    posted([reference('Patient/p2'), reference('Patient/p1'), text('_type', 'Patient,Observation')]),
    'Observation/o1 Observation/o2 Patient/p1 Patient/p2',
  ],
  ['a member of a group', 'Group/g/$export', posted([reference('Patient/p1'), text('_type', 'Patient')]), 'Patient/p1'],
  ['by POST with an instant', '$export', posted([{ name: '_since', valueInstant: '2999-01-01T00:00:00Z' }]), ''],
  [
    'all Provenance of it',
    '$export?_type=Observation&includeAssociatedData=RelevantProvenanceResources',
    undefined,
    'Observation/o1 Observation/o2 Observation/o4 Provenance/v1 Provenance/v3',
  ],
  [
    'the newest Provenance of it',
    'Patient/$export?_type=Observation&includeAssociatedData=LatestProvenanceResources',
    undefined,
    'Observation/o1 Observation/o2 Provenance/v3',
  ],
];

describe('found', () => {
  /** All asked for at once: each takes its turn. */
  const begun: Response[] = [];
  beforeAll(async () => {
    for (const [, path, init] of found) begun.push(await kickOff(lab, path, init));
  }, 60_000);

  test.each(found.map((row, i) => [...row, i] as const))(
    '%s',
    async (_name, _path, _init, names, i) => {
      const answer = await ended(lab, begun[i]?.headers.get('content-location') ?? '');
      expect(answer.status).toBe(200);
      const manifest = (await answer.json()) as Manifest;
      expect(await namesOf(lab, manifest.output)).toEqual(names.split(' ').filter(Boolean));
    },
    120_000,
  );
});

test('since a moment, with what was deleted', async () => {
  const manifest = await exported(lab, `$export?_since=${before.transactionTime}`);
  expect(await namesOf(lab, manifest.output)).toEqual(['Observation/o1', 'Patient/p4']);
  expect(await linesOf(lab, manifest.deleted)).toEqual([
    { resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'DELETE', url: 'Observation/o3' } }] },
  ]);
  const until = await exported(lab, `Patient/$export?_until=${before.transactionTime}`);
  // What was changed later has its version of now, which is later.
  expect(await namesOf(lab, until.output)).toEqual([
    'Group/g',
    'Observation/o2',
    'Patient/p1',
    'Patient/p2',
    'Patient/p3',
  ]);
});

test('elements', async () => {
  const manifest = await exported(lab, '$export?_type=Patient,Organization&_elements=Patient.birthDate');
  const [organization, ...patients] = (await linesOf(lab, manifest.output)).sort((a, b) =>
    String(a['resourceType']) < String(b['resourceType']) ? -1 : 1,
  );
  expect(organization).toMatchObject({ name: 'Lab' });
  expect(patients.every((one) => one['name'] === undefined && JSON.stringify(one['meta']).includes('SUBSETTED'))).toBe(
    true,
  );
  expect(patients.map((one) => one['birthDate'])).toContain('1980-01-01');
});

test('organised by patient', async () => {
  const manifest = await exported(lab, 'Patient/$export?_type=Patient,Observation&organizeOutputBy=Patient');
  expect(manifest.outputOrganizedBy).toBe('Patient');
  const lines = await linesOf(lab, manifest.output);
  const told = lines.map((line) =>
    line['resourceType'] === 'Parameters'
      ? `header ${String((line['parameter'] as { valueReference: JsonObject }[])[0]?.valueReference['reference'])}`
      : `${String(line['resourceType'])}/${String(line['id'])}`,
  );
  expect(told.join(' ')).toBe(
    'header Patient/p1 Patient/p1 Observation/o1 header Patient/p2 Patient/p2 Observation/o2 header Patient/p3 Patient/p3 header Patient/p4 Patient/p4',
  );
});

test('partial manifests', async () => {
  const many = await makeLaboratory();
  const resources = [
    patient('x'),
    { resourceType: 'Organization', id: 'x', name: 'x' },
    { resourceType: 'Location', id: 'x' },
    { resourceType: 'Group', id: 'x', type: 'person', actual: true },
    { resourceType: 'Device', id: 'x' },
    { resourceType: 'Practitioner', id: 'x' },
    { resourceType: 'Basic', id: 'x', code: { text: 'x' } },
    { resourceType: 'List', id: 'x', status: 'current', mode: 'working' },
    { resourceType: 'Library', id: 'x', status: 'draft', type: { text: 'x' } },
    { resourceType: 'Person', id: 'x' },
    { resourceType: 'HealthcareService', id: 'x' },
    { resourceType: 'Substance', id: 'x', code: { text: 'x' } },
  ];
  await write(many, resources);
  const names: string[] = [];
  let page: Manifest | undefined = await exported(many, '$export?allowPartialManifests=true');
  const sizes: number[] = [];
  for (; page !== undefined;) {
    sizes.push(page.output.length);
    names.push(...(await namesOf(many, page.output)));
    const next: string | undefined = page.link?.[0]?.url;
    const answer: Response | undefined = next === undefined ? undefined : await ended(many, next);
    page = answer && ((await answer.json()) as Manifest);
  }
  expect(sizes).toEqual([10, 2]);
  expect(names.sort()).toEqual(resources.map(({ resourceType }) => `${String(resourceType)}/x`).sort());
});

test('the audit log, for who may and where it is named', async () => {
  const manifest = await exported(lab, '$export?_type=AuditEvent');
  const lines = await linesOf(lab, manifest.output);
  expect(lines.length).toBeGreaterThan(10);
  expect(new Set(lines.map((line) => line['resourceType']))).toEqual(new Set(['AuditEvent']));
  const other = await signIn(lab.tenant, 'system/Patient.rs', 'other');
  expect((await kickOff(other, '$export?_type=AuditEvent')).status).toBe(403);
});

const post = (...parameter: JsonObject[]): RequestInit => posted(parameter);

/** What is refused, and what the sentence names. */
const refused: readonly [string, string, RequestInit, number, string][] = [
  ['an unknown parameter', '$export?_foo=1', {}, 400, '_foo'],
  ['an unknown parameter by POST', '$export', post(text('_bar', '1')), 400, '_bar'],
  ['an unknown type', '$export?_type=Patientt', {}, 400, 'Patientt'],
  ['another format', '$export?_outputFormat=text/csv', {}, 400, 'text/csv'],
  ['a date for an instant', '$export?_since=2026', {}, 400, '_since'],
  ['two instants', '$export?_since=2026-01-01T00:00:00Z&_since=2026-01-01T00:00:00Z', {}, 400, 'one _since'],
  ['a filter that is none', '$export?_typeFilter=Observation', {}, 400, '_typeFilter'],
  ['a filter by an unknown parameter', '$export?_typeFilter=Observation%3Ffoo%3D1', {}, 400, 'foo'],
  ['a filter that sorts', '$export?_typeFilter=Observation%3F_sort%3Ddate', {}, 400, '_sort'],
  [
    'a filter of another type',
    '$export?_type=Patient&_typeFilter=Observation%3Fstatus%3Dfinal',
    {},
    400,
    'Observation',
  ],
  ['unknown elements', '$export?_type=Patient&_elements=foo', {}, 400, 'foo'],
  ['unknown associated data', '$export?includeAssociatedData=foo', {}, 400, 'foo'],
  ['organised by what it cannot', '$export?organizeOutputBy=Patient', {}, 400, 'organizeOutputBy'],
  ['partial that is no boolean', '$export?allowPartialManifests=perhaps', {}, 400, 'perhaps'],
  ['a type outside the compartment', 'Patient/$export?_type=Organization', {}, 400, 'Organization'],
  ['patients of the system', '$export', post(reference('Patient/p1')), 400, 'patient'],
  ['a patient that is none', 'Patient/$export', post(reference('Practitioner/1')), 400, 'Practitioner/1'],
  ['a patient outside the group', 'Group/g/$export', post(reference('Patient/p2')), 400, 'p2'],
  ['a group without members', 'Group/definition/$export', {}, 422, 'actual'],
  ['an unknown group', 'Group/none/$export', {}, 404, 'Group/none'],
  ['all groups', 'Group/$export', {}, 404, '$export'],
  ['one patient', 'Patient/p1/$export', {}, 404, '$export'],
  ['another type', 'Observation/$export', {}, 404, '$export'],
  ['synchronously', '$export', { headers: { prefer: 'return=minimal' } }, 400, 'respond-async'],
  ['a NUL', '$export?_type=%00', {}, 400, '_type'],
  [
    'a body that is no Parameters',
    '$export',
    { method: 'POST', body: JSON.stringify(patient('x')) },
    400,
    'Parameters',
  ],
];

describe('refused', () => {
  test.each(refused)('%s', async (_, path, init, status, said) => {
    const answer = await kickOff(lab, path, init);
    const outcome = (await answer.json()) as { issue: { diagnostics: string }[] };
    expect([answer.status, outcome.issue[0]?.diagnostics]).toEqual([status, expect.stringContaining(said)]);
    expect(answer.headers.get('content-location')).toBeNull();
  });

  test('by HEAD', async () => {
    expect((await kickOff(lab, '$export', { method: 'HEAD' })).status).toBe(405);
  });
});

test('lenient handling leaves out and says so', async () => {
  const manifest = await exported(lab, '$export?_type=Organization,Foo&_bar=1&_typeFilter=Organization%3Ffoo%3D1', {
    headers: { prefer: 'respond-async, handling=lenient' },
  });
  expect(await namesOf(lab, manifest.output)).toEqual(['Organization/org']);
  const outcomes = await linesOf(lab, manifest.error);
  expect(outcomes.map((outcome) => outcome['resourceType'])).toEqual(outcomes.map(() => 'OperationOutcome'));
  const said = JSON.stringify(outcomes);
  for (const name of ['_bar', 'Foo', 'foo']) expect(said).toContain(name);
});
