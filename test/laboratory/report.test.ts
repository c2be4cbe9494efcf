/** Reports: PDF/A and HTML of what was released, in each language; kept, superseded, checked; who may have them. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { object, objects } from '../../src/laboratory/terms.ts';
import { eventsOf } from '../audit/log.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { addPatient, done, found, laboratoryWithCatalogue, resourcesOf, send } from './laboratory.ts';
import { readPdf } from './pdf.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await laboratoryWithCatalogue({ settings: { timezone: 'Africa/Tunis' } });
}, 120_000);

const refer = ({ resourceType, id }: JsonObject): string => `${String(resourceType)}/${String(id)}`;

interface Reported {
  readonly patient: string;
  readonly report: string;
  /** References by the code of the analyte. */
  readonly results: Readonly<Record<string, string>>;
}

const someone = {
  name: [{ family: 'حداد', given: ['ليلى'] }],
  birthDate: '1987-03-09',
  gender: 'female',
  identifier: [{ system: 'urn:mrn', value: 'MRN-4711' }],
};

/** Results that were entered and reviewed, and released where that is said. */
async function reported(
  values: Readonly<Record<string, string>>,
  { release = true, at = lab, patient }: { release?: boolean; at?: Laboratory; patient?: string } = {},
): Promise<Reported> {
  const subject = patient ?? (await addPatient(at, someone));
  const tests = Object.keys(values);
  const orders = resourcesOf(await done(at, 'ServiceRequest/$order', { patient: subject, test: tests }), 'order');
  const [specimen = {}] = resourcesOf(await done(at, 'Specimen/$accession', { order: orders.map(refer) }), 'specimen');
  await done(at, `${refer(specimen)}/$collect`);
  await done(at, `${refer(specimen)}/$receive`);
  const result = Object.entries(values).map(([analyte, value]) => ({
    name: 'result',
    part: [
      { name: 'analyte', valueString: analyte },
      { name: 'value', valueString: value },
    ],
  }));
  const parameter = [{ name: 'specimen', valueReference: { reference: refer(specimen) } }, ...result];
  const entered = await send(at, 'Observation/$enter-results', { resourceType: 'Parameters', parameter });
  expect([entered.status, entered.said]).toEqual([200, '']);
  const observations = resourcesOf(entered.body, 'result');
  await done(at, 'Observation/$review', { result: observations.map(refer) });
  const report = refer(resourcesOf(entered.body, 'report')[0] ?? {});
  if (release) await done(at, `${report}/$release`, { conclusion: 'Repeat K+ (5.6 mmol/L) in a week.' });
  const code = (one: JsonObject): string =>
    String(objects(object(one['code'])['coding']).find(({ system }) => system === 'urn:makhbar:catalogue')?.['code']);
  return { patient: subject, report, results: Object.fromEntries(observations.map((one) => [code(one), refer(one)])) };
}

interface Paper {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

async function paper(report: string, query = '', at: Laboratory = lab): Promise<Paper> {
  const answer = await at.fetch(`${report}/$report?${query}`);
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
}

describe('PDF', () => {
  test('is PDF/A-2b with all fonts embedded, and says what was released digit by digit', async () => {
    const { report } = await reported({ potassium: '5.6', sodium: '140', chloride: '104' });
    const { status, headers, bytes } = await paper(report, 'language=en');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/pdf']);
    const { pages, actual, metadata } = await readPdf(bytes);
    const [first = ''] = pages;
    expect(actual).toContain('ليلى حداد');
    for (const part of ['Laboratory report', 'Final', 'MRN-4711', '1987-03-09', 'Clinical chemistry']) {
      expect(first).toContain(part);
    }
    for (const part of [
      'Potassium',
      '5.6',
      '3.6 – 4.6',
      'mmol/L',
      'Page 1 of 1',
      'Repeat K+ (5.6 mmol/L) in a week.',
    ]) {
      expect(first).toContain(part);
    }
    expect(metadata).toContain('<pdfaid:part>2</pdfaid:part>');
    expect(metadata).toContain('<pdfaid:conformance>B</pdfaid:conformance>');
    const raw = bytes.toString('latin1');
    expect(raw).toContain('/GTS_PDFA1');
    const fonts = raw.match(/\/Type \/FontDescriptor/g)?.length;
    expect(raw.match(/\/FontFile2 /g)).toHaveLength(fonts ?? 0);
    expect(raw).not.toMatch(/\/BaseFont \/Helvetica/);
  });

  test('the same content is the same stored document; its digest stands in what is signed', async () => {
    const { report } = await reported({ potassium: '4' });
    const [one, two] = await Promise.all([paper(report, 'language=fr'), paper(report, 'language=fr')]);
    expect([one.status, two.status, one.bytes.equals(two.bytes)]).toEqual([200, 200, true]);
    const sha256 = createHash('sha256').update(one.bytes).digest();
    expect(one.headers.get('repr-digest')).toBe(`sha-256=:${sha256.toString('base64')}:`);
    const kept = await found(lab, `DocumentReference?related=${report}`);
    expect(kept).toHaveLength(1);
    const [reference = {}] = kept;
    expect([reference['status'], reference['docStatus']]).toEqual(['current', 'final']);
    expect(object(reference['masterIdentifier'])['value']).toBe(`ni:///sha-256;${sha256.toString('base64url')}`);
    const { attachment } = objects(reference['content'])[0] as { attachment: { url: string; hash: string } };
    expect(attachment.hash).toBe(createHash('sha1').update(one.bytes).digest('base64'));
    const binary = await lab.fetch(attachment.url, { headers: { accept: 'application/pdf' } });
    expect(Buffer.from(await binary.arrayBuffer()).equals(one.bytes)).toBe(true);
    const [provenance = {}] = await found(lab, `Provenance?target=${refer(reference)}`);
    expect(objects(provenance['signature'])).toHaveLength(1);
    const other = await paper(report, 'language=en');
    expect(other.bytes.equals(one.bytes)).toBe(false);
  });

  test('Arabic stands from the right, shaped, with digits as they are stored', async () => {
    const { report, results } = await reported({ potassium: '4', sodium: '150' });
    const { bytes } = await paper(report, 'language=ar,en&digits=arab');
    const { pages, actual } = await readPdf(bytes);
    for (const part of ['تقرير المختبر', 'البوتاسيوم', 'الصوديوم', 'الكيمياء السريرية']) expect(actual).toContain(part);
    // 4.0 as it is stored, 150; numbers and the interval from the left.
    for (const part of ['٤٫٠', '١٥٠', '٣٫٦ – ٤٫٦', 'Potassium', 'mmol/L', 'Page ١ of ١'])
      expect(pages.join()).toContain(part);
    expect(Object.keys(results).sort()).toEqual(['potassium', 'sodium']);
  });

  test('a corrected result is shown with what it was, and the older document is superseded', async () => {
    const { report, results } = await reported({ potassium: '5.6' });
    await paper(report, 'language=en');
    await done(lab, `${results['potassium']}/$correct`, { value: '4.1', reason: 'haemolysed' });
    const { bytes } = await paper(report, 'language=en');
    const [text = ''] = (await readPdf(bytes)).pages;
    expect(text).toMatch(/Corrected \d{4}-\d\d-\d\d \d\d:\d\d\. It was: 5\.6 mmol\/L/);
    expect(text).toContain('Corrected');
    const html = await (await lab.fetch(`${report}/$report?format=html&language=ar&digits=arab`)).text();
    expect(html).toMatch(/صُحِّحت في <bdi dir="ltr"><bdo dir="ltr">[\u0660-\u0669: -]+<\/bdo><\/bdi>/);
    expect(html).toMatch(/<bdo dir="ltr">٥٫٦<\/bdo>/);
    const kept = await found(lab, `DocumentReference?related=${report}`);
    expect(kept.map(({ status }) => String(status)).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'current',
      'superseded',
    ]);
  });

  test('what is not the last word says so across the page', async () => {
    const { report, results } = await reported({ potassium: '4', sodium: '140' }, { release: false });
    const pageOf = async (): Promise<string> =>
      (await readPdf((await paper(report, 'language=en')).bytes)).pages.join();
    expect(await pageOf()).toContain('PRELIMINARY');
    await done(lab, `${report}/$release`, { result: results['potassium'] ?? '' });
    expect(await pageOf()).toContain('PARTIAL');
    await done(lab, `${report}/$release`);
    expect(await pageOf()).not.toMatch(/PARTIAL|PRELIMINARY/);
    await done(lab, `${report}/$withdraw`, { reason: 'wrong patient' });
    expect(await pageOf()).toContain('WITHDRAWN');
  });
});

describe('who may have it', () => {
  test.each<[string, string, number]>([
    ['who reads all that it tells', 'system/*.r', 200],
    ['who does not read reports', 'system/Observation.rs system/Patient.rs system/Specimen.rs', 403],
    ['who does not read results', 'system/DiagnosticReport.rs system/Patient.rs system/Specimen.rs', 403],
    ['who does not read patients', 'system/DiagnosticReport.rs system/Observation.rs system/Specimen.rs', 403],
  ])('%s', async (_, scopes, status) => {
    const { report } = await reported({ potassium: '4' });
    const other = await signIn(lab.tenant, scopes);
    expect((await paper(report, '', other)).status).toBe(status);
  });
});

test('who reads released results alone has the report after one was withdrawn, without a word of that one', async () => {
  const { report, results } = await reported({ potassium: '5.6', sodium: '140' });
  await done(lab, `${results['potassium']}/$withdraw`, { reason: 'Another patient' });
  const filter = 'status=final,amended,corrected,appended';
  const released = ['DiagnosticReport', 'Observation'].map((type) => `system/${type}.rs?${filter}`);
  const reader = await signIn(lab.tenant, ['system/Patient.r', 'system/Specimen.r', ...released].join(' '));
  const textOf = async (at: Laboratory): Promise<string> => {
    const { status, bytes } = await paper(report, 'language=en', at);
    expect(status).toBe(200);
    return (await readPdf(bytes)).pages.join();
  };
  const [own, all] = [await textOf(reader), await textOf(lab)];
  expect([own.includes('Sodium'), own.includes('Potassium'), all.includes('Potassium')]).toEqual([true, false, true]);
  expect(await textOf(reader)).toBe(own);
});

describe('the code on it', () => {
  const address = (bytes: Buffer): string => /\/URI \(([^)]*)\)/.exec(bytes.toString('latin1'))?.[1] ?? '';

  async function page(url: string, language: string): Promise<{ status: number; text: string; headers: Headers }> {
    const answer = await fetch(url, { headers: { accept: 'text/html', 'accept-language': language } });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  }

  test('leads to a page that says whether it is valid, to everybody, in three languages, and of nobody', async () => {
    const { report, results } = await reported({ potassium: '5.6' });
    const { bytes } = await paper(report, 'language=en');
    const code = address(bytes);
    expect(code).toMatch(/\/check\/[A-Za-z0-9_-]{24}$/);
    const valid = await page(code, 'en');
    expect([valid.status, valid.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(valid.text).toContain('>Valid<');
    expect(valid.text).toContain(createHash('sha256').update(bytes).digest('hex'));
    expect(valid.text).not.toMatch(/حداد|MRN-4711|1987|5\.6|otassium/);
    expect((await page(code, 'fr')).text).toContain('>Valable<');
    expect((await page(code, 'ar')).text).toMatch(/dir="rtl"[\s\S]*>صالح</);
    await done(lab, `${results['potassium']}/$correct`, { value: '4.1', reason: 'haemolysed' });
    expect((await page(code, 'en')).text).toContain('>Superseded<');
    await done(lab, `${report}/$withdraw`, { reason: 'wrong patient' });
    expect((await page(code, 'en')).text).toContain('>Withdrawn<');
    const withdrawn = await paper(report, 'language=en');
    expect((await page(address(withdrawn.bytes), 'en')).text).toContain('>Withdrawn<');
  });

  test('is good at its own laboratory alone, and each look at it is one event', async () => {
    const other = await makeLaboratory();
    const { report } = await reported({ potassium: '4' });
    const code = address((await paper(report, 'language=en')).bytes);
    const at = async (url: string): Promise<number> => (await page(url, 'en')).status;
    expect(await at(code.replace(lab.tenant.name, other.tenant.name))).toBe(404);
    expect(await at(`${code.slice(0, -1)}${code.endsWith('A') ? 'B' : 'A'}`)).toBe(404);
    const id = `r-check-${report.slice(-36)}`;
    await fetch(code, { headers: { 'x-request-id': id } });
    const events = await eventsOf(lab, id);
    expect(events).toHaveLength(1);
    expect(JSON.stringify(events)).toContain(report.slice(-36));
    expect(JSON.stringify(events)).not.toContain(code.slice(-24));
  });

  test('is not asked for by the hundred', async () => {
    const other = await makeLaboratory();
    const url = `${other.base.replace(/fhir$/, 'check')}/${'A'.repeat(24)}`;
    const answers = await Promise.all(Array.from({ length: 130 }, () => fetch(url)));
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    expect(answers.map(({ status }) => status)).toContain(429);
  });
});

test('a template of the laboratory says what stands at its head and in which columns', async () => {
  const own = await laboratoryWithCatalogue();
  const part = [
    { url: 'title', valueString: 'Ibn Sina Laboratory' },
    { url: 'line', valueString: '12 rue de la Liberté, Tunis' },
    { url: 'column', valueCode: 'result' },
    { url: 'column', valueCode: 'unit' },
    { url: 'footer', valueString: 'Of the specimens received only.' },
  ];
  const template = {
    resourceType: 'Basic',
    code: { coding: [{ system: 'urn:makhbar:basic', code: 'report-template' }] },
    extension: [{ url: 'urn:makhbar:extension:report-template', extension: part }],
  };
  const stored = await send(own, 'Basic', template);
  expect([stored.status, stored.said]).toEqual([201, '']);
  const { report } = await reported({ potassium: '4' }, { at: own });
  const [text = ''] = (await readPdf((await paper(report, 'language=en', own)).bytes)).pages;
  for (const line of ['Ibn Sina Laboratory', '12 rue de la Liberté, Tunis', 'Of the specimens received only.', '4.0']) {
    expect(text).toContain(line);
  }
  expect(text).not.toContain('Reference interval\n');
  expect(text).not.toContain('3.6 – 4.6');
  const html = await own.fetch(`${report}/$report?format=text/html&language=ar`);
  expect(html.headers.get('content-security-policy')).toContain("default-src 'none'");
  const page = await html.text();
  expect(page).toMatch(/<html lang="ar" dir="rtl">[\s\S]*البوتاسيوم[\s\S]*>4\.0</);
});

test('a template asks for documents at the release: the report names them, and what it was is gone with a correction', async () => {
  const own = await laboratoryWithCatalogue();
  const part = ['en', 'ar+en'].map((valueCode) => ({ url: 'at-release', valueCode }));
  const extension = [{ url: 'urn:makhbar:extension:report-template', extension: part }];
  const code = { coding: [{ system: 'urn:makhbar:basic', code: 'report-template' }] };
  await send(own, 'Basic', { resourceType: 'Basic', code, extension });
  const { report, results } = await reported({ potassium: '5.6' }, { at: own });
  const formsOf = async (): Promise<JsonObject[]> =>
    objects(((await (await own.fetch(report)).json()) as JsonObject)['presentedForm']);
  const first = await formsOf();
  expect(first.map(({ language }) => language)).toEqual(['en', 'ar']);
  const asked = await paper(report, 'language=en', own);
  expect(first[0]?.['hash']).toBe(createHash('sha1').update(asked.bytes).digest('base64'));
  await done(own, `${results['potassium']}/$correct`, { value: '4.1', reason: 'haemolysed' });
  const second = await formsOf();
  expect(second).toHaveLength(2);
  expect(second.map(({ url }) => url)).not.toContain(first[0]?.['url']);
  await done(own, `${report}/$withdraw`, { reason: 'wrong patient' });
  expect((await formsOf()).map(({ url }) => url)).not.toContain(second[0]?.['url']);
  expect(await found(own, `DocumentReference?related=${report}&status=current`)).toHaveLength(2);
});

test('a document follows the rules of the European guide, and is valid', async () => {
  const { report, results, patient } = await reported({ potassium: '4', tsh: '2.5' });
  const answer = await lab.fetch(`${report}/$document?language=fr`);
  const bundle = (await answer.json()) as JsonObject;
  expect([answer.status, bundle['type']]).toEqual([200, 'document']);
  expect(object(bundle['identifier'])['value']).toMatch(/^urn:uuid:/);
  const entries = objects(bundle['entry']);
  const resources = entries.map(({ resource }) => object(resource));
  const [composition = {}] = resources;
  const ofType = (type: string): JsonObject[] => resources.filter((one) => one['resourceType'] === type);
  expect([composition['resourceType'], ofType('Composition').length]).toEqual(['Composition', 1]);
  const [diagnostic = {}, ...more] = ofType('DiagnosticReport');
  expect(more).toEqual([]);
  for (const member of ['subject', 'category'] as const) expect(composition[member]).toEqual(diagnostic[member]);
  expect(objects(diagnostic['identifier'])).toContainEqual(composition['identifier']);
  expect([composition['type'], composition['status']]).toEqual([diagnostic['code'], 'final']);
  const sections = objects(composition['section']);
  expect(sections.map(({ title }) => title)).toEqual(expect.arrayContaining(['Biochimie', 'Thyroïde']));
  expect(sections.flatMap((one) => objects(one['entry']).map(({ reference }) => reference))).toEqual(
    expect.arrayContaining(Object.values(results)),
  );
  expect(resources.map(refer)).toEqual(expect.arrayContaining([patient, ...Object.values(results)]));
  const inside = new Set(resources.map(refer));
  const outside = [...JSON.stringify(resources).matchAll(/"reference":"([^"#][^"]*)"/g)].map(([, to]) => to ?? '');
  expect(outside.filter((to) => !inside.has(to))).toEqual([]);
  const validated = await send(lab, 'Bundle/$validate', bundle);
  const errors = objects(validated.body['issue']).filter(
    ({ severity }) => severity === 'error' || severity === 'fatal',
  );
  expect([validated.status, errors]).toEqual([200, []]);
  const other = await signIn(lab.tenant, 'system/DiagnosticReport.rs system/Patient.rs system/Specimen.rs');
  expect((await other.fetch(`${report}/$document`)).status).toBe(403);
});

test('a report is one event about the patient', async () => {
  const { report, patient } = await reported({ potassium: '4' });
  for (const id of ['first', 'kept'].map((one) => `r-${one}-${report.slice(-36)}`)) {
    await lab.fetch(`${report}/$report`, { headers: { 'x-request-id': id } });
    const events = await eventsOf(lab, id);
    expect(events).toHaveLength(1);
    expect(events[0]?.patients).toEqual([patient.slice('Patient/'.length)]);
  }
});
