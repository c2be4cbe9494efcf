/** What a person is given of his data: everything of his, nothing of others, digit by digit, readable in three languages. */
import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { fill, officer, put, send, whereIs, type Json } from '../erasure/laboratory.ts';
import { makeLaboratory, signIn, testDatabase, type Laboratory } from '../server.ts';
import { shippedRoles } from '../../src/access/roles.ts';
import type { About } from '../../src/identity/token.ts';
import { sql } from '../../src/store/sql.ts';
import { accepted, answered, step } from './asking.ts';

let lab: Laboratory;
let dpo: Laboratory;
let task: Json;

const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`;
const many = 1_100;
const scan = Buffer.from(Array.from({ length: 70_001 }, (_, i) => i % 251));

beforeAll(async () => {
  lab = await makeLaboratory();
  await fill(lab);
  await put(lab, {
    resourceType: 'Patient',
    id: 'pat-one',
    name: [{ family: 'القاسم', given: ['ليلى'] }, { text: hostile }],
    birthDate: '1987-03-09',
    gender: 'female',
    identifier: [{ system: 'https://example.org/mrn', value: 'MRN-778899' }],
    telecom: [{ system: 'phone', value: '+999-555-0101' }],
  });
  await lab.fetch('Binary/scan', { method: 'PUT', body: scan, headers: { 'content-type': 'image/png' } });
  await put(lab, {
    resourceType: 'DocumentReference',
    id: 'doc-scan',
    status: 'current',
    subject: { reference: 'Patient/pat-one' },
    content: [
      { attachment: { url: 'Binary/scan' } },
      // A file of another patient's record, named by mistake or by malice.
      { attachment: { url: 'Binary/file-other' } },
    ],
  });
  await put(lab, {
    resourceType: 'Binary',
    id: 'file-other',
    contentType: 'text/plain',
    data: Buffer.from('chartreuse of another').toString('base64'),
    securityContext: { reference: 'Patient/pat-two' },
  });
  const observation = (id: string, value: string): string =>
    `{"resourceType":"Observation","id":"${id}","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}],"text":"بوتاسيوم <b>"},
      "subject":{"reference":"Patient/pat-one"},"effectiveDateTime":"2026-01-31T08:15:00+03:00",
      "valueQuantity":{"value":${value},"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"},
      "interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"H"}]}],
      "referenceRange":[{"low":{"value":3.50,"unit":"mmol/L"},"high":{"value":5.10,"unit":"mmol/L"}}]}`;
  const entries = Array.from(
    { length: many },
    (_, i) =>
      `{"resource":${observation(`k-${i}`, i === 7 ? '5.300' : '4.10')},"request":{"method":"PUT","url":"Observation/k-${i}"}}`,
  );
  const answer = await lab.fetch('', {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`,
  });
  if (!answer.ok) throw new Error(await answer.text());
  await put(lab, {
    resourceType: 'ServiceRequest',
    id: 'order',
    status: 'active',
    intent: 'order',
    code: { text: 'Potassium & sodium' },
    subject: { reference: 'Patient/pat-one' },
    authoredOn: '2026-01-30',
    requester: { display: 'Dr <i>House</i>' },
  });
  dpo = await officer(lab.tenant, 0, 'user/*.rs manage/privacy');
  task = await accepted(dpo, { type: 'access', patient: 'Patient/pat-one', language: 'ar' });
  task = await step(dpo, task, 'carry-out');
}, 60_000);

function references(of: Json): string[] {
  return (of['output'] as { valueReference?: { reference: string } }[]).flatMap(({ valueReference }) =>
    valueReference === undefined ? [] : [valueReference.reference],
  );
}

async function fileOf(of: Json, ending: 'ndjson' | 'html'): Promise<string> {
  const document = await send(dpo, 'GET', references(of)[0] ?? '');
  const attachments = (document['content'] as { attachment: { url: string; title: string } }[]).map(
    (one) => one.attachment,
  );
  const url = attachments.find(({ title }) => title.endsWith(`.${ending}`))?.url ?? '';
  return (await dpo.fetch(url, { headers: { accept: '*/*' } })).text();
}

describe('as NDJSON', () => {
  let text: string;
  let lines: Json[];
  let names: string[];
  beforeAll(async () => {
    text = await fileOf(task, 'ndjson');
    lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
    names = lines.map(({ resourceType, id }) => `${String(resourceType)}/${String(id)}`);
  });

  test('has everything of the patient, on all pages, once', async () => {
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name.startsWith('Observation/k-'))).toHaveLength(many);
    const expected = [
      'Patient/pat-one',
      'Observation/o-now',
      'Observation/o-held',
      'DiagnosticReport/report',
      'DocumentReference/doc-one',
      'Consent/consent-one',
      'RelatedPerson/relative',
      'ServiceRequest/order',
      'Binary/file-one',
      'Binary/file-report',
      'Binary/scan',
    ];
    expect(expected.filter((name) => !names.includes(name))).toEqual([]);
    const output = (task['output'] as { valueInteger?: number }[]).find(
      ({ valueInteger }) => valueInteger !== undefined,
    );
    expect(output?.valueInteger).toBe(names.length);
  });

  test('has nothing of others', () => {
    for (const secret of ['Patient/pat-two', 'another person', 'chartreuse']) expect(text).not.toContain(secret);
    const encoded = Buffer.from('chartreuse of another').toString('base64');
    expect(text).not.toContain(encoded);
    expect(names).not.toContain('Binary/file-other');
    expect(names.filter((name) => name.startsWith('Patient/'))).toEqual(['Patient/pat-one']);
  });

  test('has decimals as they were written, and files byte for byte', () => {
    expect(text).toMatch(/"value": ?5\.300[,}]/);
    expect(text).toMatch(/"value": ?3\.50[,}]/);
    const file = lines.find(({ id }) => id === 'scan');
    expect(Buffer.from(String(file?.['data']), 'base64').equals(scan)).toBe(true);
    expect(file).toMatchObject({ resourceType: 'Binary', contentType: 'image/png' });
  });
});

describe('as a page', () => {
  test('in Arabic from right to left, escaped, with values, units, ranges and flags', async () => {
    const page = await fileOf(task, 'html');
    if (process.env['KEEP_PAGE'] !== undefined) await writeFile(process.env['KEEP_PAGE'], page);
    expect(page).toContain('<html lang="ar" dir="rtl">');
    expect(page).toContain('القاسم');
    expect(page).not.toMatch(/<script|<img|<b>|<i>/);
    expect(page).toContain('&lt;script&gt;');
    expect(page).toContain('5.300 mmol/L');
    expect(page).toContain('3.50 mmol/L – 5.10 mmol/L');
    expect(page).toContain('مرتفع (H)');
    expect(page.match(/4\.10 mmol\/L/g)).toHaveLength(many - 1);
    expect(page).toContain('Potassium &amp; sodium');
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3)[^<]*"/);
    expect(page.trimEnd().endsWith('</html>')).toBe(true);
  });

  test.each([
    ['fr', 'Vos données enregistrées', 'élevé (H)'],
    ['en', 'What is stored about you', 'high (H)'],
  ])('in %s', async (language, title, flag) => {
    const again = await step(dpo, task, 'carry-out', { language });
    const last = { output: (again['output'] as Json[]).slice(-5) };
    const page = await fileOf(last, 'html');
    expect(page).toContain(`<html lang="${language}" dir="ltr">`);
    expect(page).toContain(title);
    expect(page).toContain(flag);
    // What was given before is not given again.
    expect(await fileOf(last, 'ndjson')).not.toContain(references(task)[0]?.slice('DocumentReference/'.length));
  });
});

describe('who reads it', () => {
  const all = (): string[] => references(task);

  /** With what the shipped role gives. */
  function as(role: string, more: About = {}): Promise<Laboratory> {
    const { scopes: roleScopes = [], clearance = [], consent = 'enforced' } = shippedRoles.get(role) ?? {};
    return signIn(lab.tenant, 'user/*.cruds patient/*.rs', role, {
      roles: [role],
      roleScopes,
      clearance,
      consent,
      ...more,
    });
  }

  test.each<[string, About]>([
    ['data-protection-officer', {}],
    ['patient', { fhirUser: 'Patient/pat-one', patient: 'pat-one' }],
  ])('the %s does', async (role, about) => {
    const reader = await as(role, about);
    for (const reference of [...all(), `Task/${String(task['id'])}`]) {
      expect([reference, (await answered(reader, reference, 'GET'))[0]]).toEqual([reference, 200]);
    }
  });

  test.each<[string, About]>([
    ['patient', { fhirUser: 'Patient/pat-two', patient: 'pat-two' }],
    ['reception', {}],
    ['phlebotomist', {}],
    ['technician', {}],
    ['pathologist', {}],
    ['referring-physician', { fhirUser: 'Practitioner/x' }],
    ['administrator', {}],
    ['auditor', {}],
    ['operator', {}],
    ['interface', {}],
  ])('%s does not', async (role, about) => {
    const reader = await as(role, about);
    for (const reference of [...all(), `Task/${String(task['id'])}`]) {
      const [status] = await answered(reader, reference, 'GET');
      expect([reference, [403, 404].includes(status)]).toEqual([reference, true]);
    }
    for (const query of ['DocumentReference?type=urn:makhbar:task|data-subject-request', 'Binary?_count=100']) {
      const [status, text] = await answered(reader, query, 'GET');
      if (status === 200) for (const reference of all()) expect(text).not.toContain(reference.split('/')[1]);
    }
  });

  test('not the other laboratory', async () => {
    const stranger = await officer((await makeLaboratory()).tenant);
    for (const reference of all()) expect((await answered(stranger, reference, 'GET'))[0]).toBe(404);
  });
});

test('it is encrypted at rest and not among the rows of the database', async () => {
  expect(Object.keys(await whereIs(lab.tenant, ['Vos données']))).toEqual([]);
});

test('it is noted to be deleted after 30 days', async () => {
  const rows = await testDatabase().query<{ days: number }>(
    lab.tenant.id,
    sql`select round(extract(epoch from expires - now()) / 86400)::int4 as days from evidence where tenant_id = ${lab.tenant.id}`,
  );
  expect(rows.length).toBeGreaterThanOrEqual(2);
  expect(rows.every(({ days }) => days === 30)).toBe(true);
});

test('an erasure takes it along', async () => {
  const erasure = await accepted(dpo, { type: 'erasure', patient: 'Patient/pat-one' });
  await step(dpo, erasure, 'carry-out');
  for (const reference of references(task)) expect((await answered(lab, reference, 'GET'))[0]).toBe(410);
});
