/**
 * Archives of HL7 v2 and ASTM on a real server: what they say, what they say that they do not say, and that another
 * laboratory that takes the messages has the same.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { addInterface } from '../gateways/bench.ts';
import { makeLaboratory, testServer, type Laboratory } from '../server.ts';
import { exported, kickOff, linesOf, pathOf, write, type Manifest } from './asking.ts';

const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

function makhbar(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { databaseUrl, dataDir } = testServer();
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  return new Promise((done) =>
    execFile(process.execPath, [launcher, ...args], { env, cwd: dataDir }, (error, out, err) =>
      done({ code: Number(error?.code ?? 0), out, err }),
    ),
  );
}

const loinc = (code: string, display: string): JsonObject => ({
  coding: [{ system: 'http://loinc.org', code, display }],
});
const category = [
  {
    coding: [
      {
        system: 'http://terminology.hl7.org/CodeSystem/observation-category',
        code: 'laboratory',
        display: 'Laboratory',
      },
    ],
  },
];
const pdf = Buffer.from('%PDF-1.7 تقرير').toString('base64');

function result(id: string, more: JsonObject): JsonObject {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    category,
    code: loinc('2823-3', 'Potassium'),
    subject: { reference: 'Patient/layla' },
    effectiveDateTime: '2026-01-31T08:15:00+03:00',
    ...more,
  };
}

const resources: readonly JsonObject[] = [
  {
    resourceType: 'Patient',
    id: 'layla',
    identifier: [{ system: 'https://north.example/mrn', value: '47|11' }],
    name: [{ use: 'official', family: 'القاسم', given: ['ليلى'] }],
    gender: 'female',
    birthDate: '1980-02-29',
    address: [{ line: ['Olaya & King Fahd ^ Street'], city: 'الرياض', country: 'SA' }],
    telecom: [{ system: 'phone', value: '+966 11 000', use: 'home' }],
    contact: [{ name: { family: 'Hidden' } }],
  },
  { resourceType: 'Patient', id: 'nameless', gender: 'male' },
  {
    resourceType: 'ServiceRequest',
    id: 'order',
    status: 'active',
    intent: 'order',
    identifier: [
      {
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'PLAC' }] },
        system: 'https://north.example/orders',
        value: 'A-7',
      },
    ],
    code: loinc('24323-8', 'Metabolic panel'),
    subject: { reference: 'Patient/layla' },
    note: [{ text: 'line 1\nline | 2' }],
  },
  {
    resourceType: 'Specimen',
    id: 'tube',
    status: 'available',
    accessionIdentifier: { system: 'https://north.example/tubes', value: 'T-1' },
    type: { coding: [{ system: 'http://snomed.info/sct', code: '119297000', display: 'Blood' }] },
    subject: { reference: 'Patient/layla' },
    collection: { collectedDateTime: '2026-01-31T08:00:00+03:00' },
  },
  result('k', {
    specimen: { reference: 'Specimen/tube' },
    basedOn: [{ reference: 'ServiceRequest/order' }],
    referenceRange: [{ text: '3.5-5.1' }],
    interpretation: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: 'H' }] },
    ],
    note: [{ text: 'haemolytic ~ repeat' }],
  }),
  result('crp', { code: loinc('1988-5', 'CRP'), specimen: { reference: 'Specimen/tube' } }),
  result('titre', { code: loinc('5334-9', 'Rubella'), valueString: '1:160', status: 'corrected' }),
  result('wrong', { code: loinc('718-7', 'Haemoglobin'), valueString: 'x', status: 'entered-in-error' }),
  result('alone', {
    code: loinc('2345-7', 'Glucose'),
    valueString: 'ل'.repeat(400),
    derivedFrom: [{ reference: 'Observation/k' }],
  }),
  {
    resourceType: 'DiagnosticReport',
    id: 'report',
    status: 'corrected',
    code: loinc('24323-8', 'Metabolic panel'),
    subject: { reference: 'Patient/layla' },
    basedOn: [{ reference: 'ServiceRequest/order' }],
    specimen: [{ reference: 'Specimen/tube' }],
    result: ['k', 'crp', 'titre', 'wrong'].map((id) => ({ reference: `Observation/${id}` })),
    conclusion: 'Look again & call.',
    presentedForm: [{ contentType: 'application/pdf', data: pdf, title: 'Report' }],
  },
  { resourceType: 'Group', id: 'untold', type: 'person', actual: true },
];

let lab: Laboratory;
let folder: string;

/** Numbers with digits that a JavaScript number would lose. */
const exact: Readonly<Record<string, string>> = {
  k: '{"value":4.10,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}',
  crp: '{"value":5.00,"comparator":"<","unit":"mg/L","system":"http://unitsofmeasure.org","code":"mg/L"}',
};

beforeAll(async () => {
  lab = await makeLaboratory();
  folder = await mkdtemp(join(tmpdir(), 'makhbar-archive-'));
  const plain = resources.filter(({ id }) => exact[String(id)] === undefined);
  await write(
    lab,
    plain.filter(({ resourceType }) => resourceType !== 'DiagnosticReport'),
  );
  for (const one of resources.filter(({ id }) => exact[String(id)] !== undefined)) {
    const body = `${JSON.stringify(one).slice(0, -1)},"valueQuantity":${exact[String(one['id'])]}}`;
    const headers = { 'content-type': 'application/fhir+json' };
    expect((await lab.fetch(`Observation/${String(one['id'])}`, { method: 'PUT', headers, body })).status).toBe(201);
  }
  await write(
    lab,
    plain.filter(({ resourceType }) => resourceType === 'DiagnosticReport'),
  );
  return () => rm(folder, { recursive: true, force: true });
});

async function textsOf(from: Laboratory, manifest: Manifest): Promise<{ type: string; text: string; count: number }[]> {
  const texts = [];
  for (const { type = '', url, count } of manifest.output) {
    const answer = await from.fetch(pathOf(from, url));
    expect(answer.status).toBe(200);
    texts.push({ type, count, text: await answer.text() });
  }
  return texts;
}

test('an HL7 v2 archive has batches with their counts, and says what it leaves out', async () => {
  const manifest = await exported(lab, '$export?_outputFormat=application/hl7-v2');
  expect(manifest).toMatchObject({ outputFormat: 'application/hl7-v2' });
  const files = await textsOf(lab, manifest);
  expect(files.map(({ type, count }) => [type, count])).toEqual([
    ['Patient', 2],
    ['ServiceRequest', 1],
    ['DiagnosticReport', 1],
    ['Observation', 1],
  ]);
  for (const { text, count } of files) {
    const lines = text.split('\r');
    expect(lines.slice(0, 2).map((line) => line.slice(0, 8))).toEqual(['FHS|^~\\&', 'BHS|^~\\&']);
    expect(lines.slice(-3)).toEqual([`BTS|${count}`, 'FTS|1', '']);
    expect(lines.filter((line) => line.startsWith('MSH|'))).toHaveLength(count);
  }
  const [, , report] = files.map(({ text }) => text);
  for (const said of ['|4.10|', '|<^5.00|', '|1:160|', '|||C|', pdf, 'Look again \\T\\ call.'])
    expect(report).toContain(said);
  const told = (await linesOf(lab, manifest.error)).flatMap((one) => (one['issue'] as JsonObject[]) ?? []);
  const sentences = told.map(({ diagnostics }) => String(diagnostics));
  for (const said of [
    'Patient/layla',
    'Patient.contact',
    'Observation/alone',
    'Observation.derivedFrom',
    'Group: 1 not representable',
  ]) {
    expect(sentences.join('\n')).toContain(said);
  }
  expect(
    sentences.filter((one) => /Observation\/(k|crp|titre)|DiagnosticReport\/report|ServiceRequest\/order/.test(one)),
  ).toEqual([]);
}, 60_000);

/** What a search finds, in the words of the resource. */
async function found(from: Laboratory, query: string): Promise<string> {
  const answer = await from.fetch(query);
  if (answer.status !== 200) throw new Error(`${query}: ${await answer.text()}`);
  const { total, entry = [] } = (await answer.json()) as { total: number; entry?: { resource: JsonObject }[] };
  const texts = entry.map(({ resource }) => [
    resource['status'] ?? '',
    resource['conclusion'] ?? '',
    resource['valueString'] ?? '',
    resource['birthDate'] ?? '',
  ]);
  return JSON.stringify([total, texts.map((one) => one.join('|')).sort()]);
}

test('another laboratory that takes the archive finds the same; taking it again changes nothing', async () => {
  const manifest = await exported(
    lab,
    '$export?_outputFormat=hl7-v2&_type=Patient,ServiceRequest,Specimen,DiagnosticReport,Observation',
  );
  const other = await makeLaboratory();
  await addInterface(other, lab.tenant.name);
  const files = await textsOf(lab, manifest);
  const path = join(folder, 'all.hl7');
  await writeFile(path, files.map(({ text }) => text).join(''));
  const all = files.reduce((sum, { count }) => sum + count, 0);
  for (let time = 0; time < 2; time++) {
    const { code, out } = await makhbar('messages', 'import', other.tenant.name, path, '--interface', 'test', '--json');
    expect([code, JSON.parse(out)]).toEqual([0, { messages: all, accepted: all, refused: 0, problems: [] }]);
  }
  for (const query of [
    'Patient?family=القاسم&identifier=https://north.example/mrn|47%5C%7C11',
    'Observation?code=http://loinc.org|2823-3&value-quantity=4.10||mmol/L',
    'Observation?code=1988-5&value-quantity=lt5||mg/L',
    'Observation?code=5334-9&value-string=1:160&status=corrected',
    'Observation?status=entered-in-error',
    'Observation?patient.family=القاسم&code=2345-7',
    'ServiceRequest?identifier=https://north.example/orders|A-7&patient.birthdate=1980-02-29',
    'DiagnosticReport?code=24323-8&status=corrected',
    'Specimen?accession=T-1',
  ]) {
    expect([query, await found(other, query)]).toEqual([query, await found(lab, query)]);
  }
  const text = await (await other.fetch('Observation?code=2823-3')).text();
  expect(text).toMatch(/"value": ?4\.10/);
  expect(await (await other.fetch('DiagnosticReport?code=24323-8')).text()).toContain(pdf);
}, 120_000);

test('an ASTM archive has the results by specimen', async () => {
  const manifest = await exported(lab, '$export?_outputFormat=application/astm');
  const [file, ...others] = await textsOf(lab, manifest);
  expect(others).toEqual([]);
  expect(file).toMatchObject({ type: 'Observation', count: 4 });
  const tube = (file?.text ?? '').split(/(?=^H\|)/m).find((one) => one.includes('|T-1|')) ?? '';
  expect(tube.split('\r').map((line) => line.split('|')[0])).toEqual(['H', 'P', 'O', 'R', 'C', 'R', 'L', '']);
  for (const said of ['47&F&11', 'القاسم^ليلى', '|4.10|mmol/L|3.5-5.1|H||F\r', '|<5.00|mg/L|'])
    expect(tube).toContain(said);
  const told = (await linesOf(lab, manifest.error)).map((one) => JSON.stringify(one)).join('\n');
  for (const said of ['Observation/wrong', 'Patient: 2 not representable in ASTM', 'DiagnosticReport: 1 not'])
    expect(told).toContain(said);
}, 60_000);

test.each([
  ['_elements=id', '_elements'],
  ['includeAssociatedData=LatestProvenanceResources', 'includeAssociatedData'],
])('what shapes resources is refused for messages: %s', async (query, said) => {
  const answer = await kickOff(lab, `$export?_outputFormat=hl7-v2&${query}`);
  expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(said)]);
});

test('the CapabilityStatement names the guide', async () => {
  expect(await (await lab.fetch('metadata?_elements=instantiates')).json()).toMatchObject({
    instantiates: ['http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data'],
  });
});
