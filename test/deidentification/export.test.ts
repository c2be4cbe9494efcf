/** De-identified exports: who may ask, what comes out of a laboratory full of identifiers, and how projects end. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { secondFactorAcr } from '../../src/access/authentication.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { parseJson } from '../../src/fhir/json.ts';
import { validateResource } from '../../src/fhir/validation/validate.ts';
import { officer, parameters, send } from '../erasure/laboratory.ts';
import { eventsOf } from '../audit/log.ts';
import { exported, kickOff, linesOf, pathOf, posted, write, type Manifest } from '../exporting/asking.ts';
import { makeLaboratory, signIn, testServer, type Laboratory } from '../server.ts';

/** Stands in every text; a number after it says where. */
const secret = 'Zq7';
const loinc = 'http://loinc.org';
const ucum = 'http://unitsofmeasure.org';
const dates = { birth: '1961-05-17', old: '1931-08-29', seen: '2021-02-13', issued: '2021-02-14T09:08:07.654Z' };

let place = 0;
const text = (): string => `${secret}${++place}`;
const identifier = (): JsonObject[] => [{ system: `urn:${secret}`, value: text(), assigner: { display: text() } }];
const narrative = (): JsonObject => ({
  status: 'additional',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${text()}</div>`,
});
const extension = (): JsonObject[] => [{ url: `urn:${secret}`, valueString: text() }];
const reference = (target: string): JsonObject => ({
  reference: target,
  display: text(),
  identifier: { value: text() },
});
const concept = (code: string): JsonObject => ({
  coding: [
    { system: loinc, code, display: text() },
    { system: `urn:lab:${secret}`, code: text(), display: text() },
  ],
  text: text(),
});
const everywhere = (): JsonObject => ({
  meta: { tag: [{ system: `urn:${secret}`, code: text() }], source: `urn:${secret}` },
  text: narrative(),
  extension: extension(),
  identifier: identifier(),
});

function patient(id: string, more: JsonObject = {}): JsonObject {
  return {
    resourceType: 'Patient',
    id,
    ...everywhere(),
    name: [{ family: text(), given: [text()], text: text() }],
    telecom: [
      { system: 'phone', value: text() },
      { system: 'email', value: `${text()}@example.org` },
    ],
    gender: 'female',
    birthDate: dates.birth,
    address: [
      {
        text: text(),
        line: [text()],
        city: text(),
        district: text(),
        state: 'Nairobi',
        postalCode: '00100',
        country: 'KE',
      },
    ],
    photo: [{ title: text(), url: `https://example.org/${secret}`, contentType: 'image/png' }],
    contact: [{ name: { family: text() }, telecom: [{ system: 'phone', value: text() }] }],
    generalPractitioner: [reference('Practitioner/zq7-doctor')],
    ...more,
  };
}

/** All of one patient. */
function data(id: string): JsonObject[] {
  const subject = reference(`Patient/${id}`);
  const own = (type: string, more: JsonObject): JsonObject => ({
    resourceType: type,
    id: `${id}-${type}`,
    ...everywhere(),
    ...more,
  });
  return [
    own('Specimen', {
      accessionIdentifier: { value: text() },
      subject,
      type: concept('1234-5'),
      receivedTime: `${dates.seen}T10:00:00+03:00`,
      collection: { collectedDateTime: dates.seen, collector: reference('Practitioner/zq7-doctor') },
      container: [{ identifier: identifier(), description: text() }],
      note: [{ text: text(), authorString: text() }],
    }),
    own('ServiceRequest', {
      status: 'active',
      intent: 'order',
      requisition: { value: text() },
      code: concept('2345-7'),
      subject,
      authoredOn: dates.seen,
      requester: reference('Practitioner/zq7-doctor'),
      patientInstruction: text(),
      note: [{ text: text() }],
    }),
    own('Observation', {
      status: 'final',
      contained: [
        {
          resourceType: 'Device',
          id: 'zq7d',
          serialNumber: text(),
          udiCarrier: [{ deviceIdentifier: text() }],
          patient: subject,
        },
      ],
      code: concept('2345-7'),
      subject,
      device: { reference: '#zq7d', display: text() },
      performer: [reference('Practitioner/zq7-doctor')],
      specimen: reference(`Specimen/${id}-Specimen`),
      basedOn: [reference(`ServiceRequest/${id}-ServiceRequest`)],
      effectiveDateTime: dates.seen,
      issued: dates.issued,
      valueQuantity: { value: 5, unit: text(), system: ucum, code: 'mmol/L' },
      note: [{ text: text() }],
      component: [{ code: concept('2160-0'), valueString: text(), extension: extension() }],
    }),
    own('DiagnosticReport', {
      status: 'final',
      code: concept('24323-8'),
      subject,
      effectiveDateTime: dates.seen,
      issued: dates.issued,
      conclusion: text(),
      result: [reference(`Observation/${id}-Observation`)],
      presentedForm: [{ title: text(), contentType: 'text/plain', data: Buffer.from(secret).toString('base64') }],
      media: [{ comment: text(), link: reference('Media/zq7-media') }],
    }),
  ];
}

const icd = 'http://hl7.org/fhir/sid/icd-10';
const snomed = 'http://snomed.info/sct';

let diagnoses = 0;

function diagnosis(who: string, ...codes: [system: string, code: string][]): JsonObject {
  return {
    resourceType: 'Condition',
    id: `zq7-d${++diagnoses}`,
    ...everywhere(),
    code: { coding: codes.map(([system, code]) => ({ system, code, display: text() })), text: text() },
    subject: reference(`Patient/${who}`),
  };
}

let lab: Laboratory;
let dpo: Laboratory;
let researcher: Laboratory;

const person = { acr: secondFactorAcr, clearance: ['U', 'L', 'M', 'N'] } as const;

beforeAll(async () => {
  lab = await makeLaboratory();
  dpo = await officer(lab.tenant);
  researcher = await signIn(lab.tenant, 'manage/research', 'ada', { roles: ['researcher'], ...person });
  const restricted = {
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] },
  };
  await write(lab, [
    { resourceType: 'Practitioner', id: 'zq7-doctor', name: [{ family: text() }] },
    ...['zq7-a', 'zq7-b', 'zq7-c'].flatMap((id) => [patient(id), ...data(id)]),
    // Three have some E11, three the same of SNOMED CT, one something else.
    ...['E11.9', 'E11.65', 'E11.21'].map((code, i) => diagnosis(`zq7-${'abc'[i] ?? ''}`, [icd, code])),
    ...['a', 'b', 'c'].map((who) => diagnosis(`zq7-${who}`, [snomed, '73211009'])),
    diagnosis('zq7-a', [snomed, '190330002'], [icd, 'C50.1']),
    patient('zq7-old', { birthDate: dates.old, address: [{ country: 'UG', city: text() }] }),
    patient('zq7-hidden', restricted),
    {
      resourceType: 'DocumentReference',
      id: 'zq7-document',
      status: 'current',
      content: [{ attachment: { title: text() } }],
    },
  ]);
  // Exact digits, which the JSON of this test would lose.
  const digits = `{"resourceType":"Observation","id":"zq7-exact","status":"final","code":{"text":"${text()}"},"subject":{"reference":"Patient/zq7-a"},"valueQuantity":{"value":1.500,"system":"${ucum}","code":"mg/L"}}`;
  const answer = await lab.fetch('Observation/zq7-exact', {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: digits,
  });
  expect(answer.status).toBe(201);
  for (const project of [
    { name: 'glucose', purpose: 'Glucose in Nairobi', least: '3' },
    { name: 'other', purpose: 'Another', dates: 'year' },
  ]) {
    await send(dpo, 'POST', '$research-project-add', parameters(project));
  }
}, 120_000);

async function taken(project: string): Promise<{ manifest: Manifest; texts: string[] }> {
  const manifest = await exported(researcher, `$export-deidentified?project=${project}`);
  const texts: string[] = [];
  for (const { url } of [...manifest.output, ...manifest.error]) {
    texts.push(await (await researcher.fetch(pathOf(researcher, url))).text());
  }
  return { manifest, texts };
}

test('no identifier of the source is in any file, in its name or in the manifest', async () => {
  for (const project of ['glucose', 'other']) {
    const { manifest, texts } = await taken(project);
    const counts = Object.fromEntries(manifest.output.map(({ type, count }) => [type, count]));
    expect(counts).toEqual({
      Patient: 4,
      Condition: 7,
      DiagnosticReport: 3,
      Observation: 4,
      ServiceRequest: 3,
      Specimen: 3,
    });
    const all = [JSON.stringify(manifest), ...texts].join('\n');
    expect(all.toLowerCase()).not.toContain(secret.toLowerCase());
    for (const date of Object.values(dates)) expect(all).not.toContain(date.slice(0, 10));
    expect(all).not.toContain('1931');
    if (project === 'other') expect(texts.join('')).not.toMatch(/"\d{4}-\d\d-/);
  }
  const names = readdirSync(join(testServer().dataDir, 'files'), { recursive: true }).join('\n');
  expect(names.toLowerCase()).not.toContain(secret.toLowerCase());
}, 120_000);

test('what comes out is FHIR, holds together and keeps digits and areas that many share', async () => {
  const { manifest, texts } = await taken('glucose');
  const lines = texts.flatMap((one) => one.split('\n').filter(Boolean)).map((line) => parseJson(line) as JsonObject);
  for (const line of lines) {
    const issues = validateResource(line).filter(({ severity }) => severity === 'error');
    expect([line['resourceType'], issues]).toEqual([line['resourceType'], []]);
  }
  const ids = new Set(lines.map(({ resourceType, id }) => `${String(resourceType)}/${String(id)}`));
  const found = [...texts.join('').matchAll(/"reference":"([^"]+)"/g)].map(([, target]) => target ?? '');
  expect(found.length).toBeGreaterThan(15);
  expect(found.filter((target) => !ids.has(target))).toEqual([]);
  expect(texts.join('')).toContain('"value":1.500,');
  const patients = lines.filter(({ resourceType }) => resourceType === 'Patient');
  const shared = [{ country: 'KE', state: 'Nairobi', postalCode: '001' }];
  const told = patients.map(({ birthDate, address }) => ({ birthDate, address }));
  expect(told).toHaveLength(4);
  expect(told).toContainEqual({ birthDate: undefined, address: undefined });
  expect(told.filter(({ birthDate }) => birthDate === '1961').map(({ address }) => address)).toEqual([
    shared,
    shared,
    shared,
  ]);
  expect((manifest as unknown as JsonObject)['extension']).toEqual({
    deidentified: {
      project: 'glucose',
      rules: 'Laboratory data for research and statistics, version 2',
      dates: 'shift',
      kAnonymity: {
        quasiIdentifiers: ['gender', 'year of birth', 'country', 'state', 'beginning of the postal code'],
        patients: 4,
        groups: 2,
        smallestGroup: 'fewer than 3',
        least: 3,
        groupsBelowLeast: 1,
        patientsInGroupsBelowLeast: 'fewer than 3',
      },
      rareCodes: { least: 3, generalised: 3, leftOut: 2 },
    },
  });
}, 120_000);

test('a diagnosis that few have is told by its category, or not at all', async () => {
  const manifest = await exported(researcher, '$export-deidentified?project=glucose&_type=Condition');
  const lines = await linesOf(researcher, manifest.output);
  const told = lines.map(
    ({ code }) => ((code as JsonObject | undefined)?.['coding'] as JsonObject[] | undefined) ?? [],
  );
  expect(told.map((codings) => codings.map(({ code }) => code).join()).sort()).toEqual([
    '',
    ...Array<string>(3).fill('73211009'),
    ...Array<string>(3).fill('E11'),
  ]);
}, 120_000);

test('pseudonyms are the same in a project, and others in another', async () => {
  const ids = async (project: string): Promise<string[]> => {
    const manifest = await exported(researcher, `$export-deidentified?project=${project}&_type=Patient`);
    return (await linesOf(researcher, manifest.output)).map(({ id }) => String(id)).sort();
  };
  const first = await ids('glucose');
  expect(first).toHaveLength(4);
  expect(await ids('glucose')).toEqual(first);
  expect((await ids('other')).filter((id) => first.includes(id))).toEqual([]);
}, 120_000);

describe('refused', () => {
  const ask = '$export-deidentified?project=glucose';
  /** [who, what, status] */
  const cases: [string, () => Promise<Response>, number][] = [
    ['without the right, all scopes or not', () => kickOff(lab, ask), 403],
    ['the officer, who gives no data out', () => kickOff(dpo, ask), 403],
    [
      'a search, by which one could find who it is',
      () => kickOff(researcher, `${ask}&_typeFilter=Patient%3Fname%3DAmal`),
      400,
    ],
    [
      'a patient',
      () => kickOff(researcher, ask, posted([{ name: 'patient', valueReference: { reference: 'Patient/zq7-a' } }])),
      400,
    ],
    ['a time', () => kickOff(researcher, `${ask}&_since=2020-01-01T00:00:00Z`), 400],
    ['a type that the rules do not name', () => kickOff(researcher, `${ask}&_type=Practitioner`), 400],
    ['a project that is not there', () => kickOff(researcher, '$export-deidentified?project=none'), 404],
    ['no project', () => kickOff(researcher, '$export-deidentified'), 400],
    ['without asking for it later', () => researcher.fetch(ask), 400],
    ['a researcher who reads a patient', () => researcher.fetch('Patient/zq7-a'), 403],
    ['a researcher who searches', () => researcher.fetch('Patient'), 403],
    ['a researcher who exports', () => kickOff(researcher, '$export'), 403],
    ['a researcher who makes a project', () => researcher.fetch('$research-project-add', posted([])), 403],
  ];
  test.each(cases)('%s', async (_who, what, status) => {
    expect((await what()).status).toBe(status);
  });

  test.each([
    ['a name in capitals', { name: 'Glucose', purpose: 'x' }, 400],
    ['a name that was used', { name: 'glucose', purpose: 'x' }, 409],
    ['no purpose', { name: 'third', purpose: ' ' }, 400],
    ['dates of another kind', { name: 'third', purpose: 'x', dates: 'month' }, 400],
    ['fewer than two', { name: 'third', purpose: 'x', least: '1' }, 400],
  ])('a project with %s', async (_what, given, status) => {
    const body = JSON.stringify(parameters(given));
    const headers = { 'content-type': 'application/fhir+json' };
    expect((await dpo.fetch('$research-project-add', { method: 'POST', headers, body })).status).toBe(status);
  });
});

test('an ended project has no key: nothing more comes out, and it is not begun again; the log tells of all', async () => {
  await send(dpo, 'POST', '$research-project-add', parameters({ name: 'short', purpose: 'To end' }));
  const manifest = await exported(researcher, '$export-deidentified?project=short&_type=Patient');
  await send(dpo, 'POST', '$research-project-end', parameters({ name: 'short' }));
  expect((await kickOff(researcher, '$export-deidentified?project=short')).status).toBe(404);
  const headers = { 'content-type': 'application/fhir+json' };
  const again = { method: 'POST', headers, body: JSON.stringify(parameters({ name: 'short', purpose: 'Again' })) };
  expect((await dpo.fetch('$research-project-add', again)).status).toBe(409);
  const listed = JSON.stringify(await send(dpo, 'GET', '$research-projects'));
  expect(listed).toMatch(/"short".*"ended"/);
  // Whoever lost the right has no more of the files either.
  const former = await signIn(lab.tenant, 'system/*.cruds', 'ada', { roles: ['auditor'], ...person });
  const [file] = manifest.output;
  expect((await former.fetch(pathOf(former, file?.url ?? ''))).status).toBe(403);
  const told = await eventsOf(lab);
  const of = (kind: string): number => told.filter((event) => event.kind === kind && event.outcome === 0).length;
  expect(of('research-project-changed')).toBe(4);
  expect(of('deidentified-export-requested')).toBeGreaterThanOrEqual(1);
  const finished = told.filter(({ kind, agent }) => kind === 'export-finished' && agent.subject === 'ada');
  expect(JSON.stringify(finished.at(-1)?.further)).toMatch(/research project \w+/);
}, 120_000);

test('a project of one laboratory is none of another', async () => {
  const other = await makeLaboratory();
  const stranger = await signIn(other.tenant, 'manage/research', 'ada', { roles: ['researcher'], ...person });
  expect((await kickOff(stranger, '$export-deidentified?project=glucose')).status).toBe(404);
}, 60_000);
