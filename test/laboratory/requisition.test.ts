/** One report of what was ordered together, whatever tubes it took: what it tells while some is pending, and to whom. */
import { createHash } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { object, objects } from '../../src/laboratory/terms.ts';
import { eventsOf } from '../audit/log.ts';
import { exported, linesOf } from '../exporting/asking.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { addPatient, done, found, laboratoryWithCatalogue, resourcesOf, send } from './laboratory.ts';
import { readPdf } from './pdf.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await laboratoryWithCatalogue();
}, 120_000);

const refer = ({ resourceType, id }: JsonObject): string => `${String(resourceType)}/${String(id)}`;

interface Tube {
  readonly report: string;
  /** By the code of the analyte. */
  readonly results: Readonly<Record<string, string>>;
}

/** Two tubes of one order: one for the sedimentation rate, serum for potassium and sodium; none has results yet. */
async function orderedTogether(): Promise<{ patient: string; enter(values: Record<string, string>): Promise<Tube> }> {
  const patient = await addPatient(lab, {
    name: [{ text: 'Layla Haddad' }],
    gender: 'female',
    birthDate: '1987-03-09',
  });
  const answer = await done(lab, 'ServiceRequest/$order', { patient, test: ['esr', 'potassium', 'sodium'] });
  const order = resourcesOf(answer, 'order').map(refer);
  const specimens = resourcesOf(await done(lab, 'Specimen/$accession', { order }), 'specimen');
  expect(specimens).toHaveLength(2);
  for (const one of specimens) for (const step of ['collect', 'receive']) await done(lab, `${refer(one)}/$${step}`);
  const tube = (serum: boolean): string =>
    refer(specimens.find(({ container }) => JSON.stringify(container).includes('Serum') === serum) ?? {});
  return {
    patient,
    enter: async (values) => {
      const result = Object.entries(values).map(([analyte, value]) => ({
        name: 'result',
        part: [
          { name: 'analyte', valueString: analyte },
          { name: 'value', valueString: value },
        ],
      }));
      const specimen = { reference: tube(!('esr' in values)) };
      const parameter = [{ name: 'specimen', valueReference: specimen }, ...result];
      const entered = await send(lab, 'Observation/$enter-results', { resourceType: 'Parameters', parameter });
      expect([entered.status, entered.said]).toEqual([200, '']);
      const results = resourcesOf(entered.body, 'result');
      await done(lab, 'Observation/$review', { result: results.map(refer) });
      const code = (one: JsonObject): string =>
        String(
          objects(object(one['code'])['coding']).find(({ system }) => system === 'urn:makhbar:catalogue')?.['code'],
        );
      return {
        report: refer(resourcesOf(entered.body, 'report')[0] ?? {}),
        results: Object.fromEntries(results.map((one) => [code(one), refer(one)])),
      };
    },
  };
}

interface Paper {
  readonly status: number;
  readonly bytes: Buffer;
  readonly pages: string;
  readonly headers: Headers;
}

async function paper(report: string, at: Laboratory = lab, more: Record<string, string> = {}): Promise<Paper> {
  const answer = await at.fetch(`${report}/$report?requisition=true&language=en`, { headers: more });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const pages = answer.status === 200 ? (await readPdf(bytes)).pages.join('\n') : bytes.toString();
  return { status: answer.status, bytes, pages, headers: answer.headers };
}

async function checked(bytes: Buffer): Promise<string> {
  const [, address = ''] = /\/URI \(([^)]*)\)/.exec(bytes.toString('latin1')) ?? [];
  const page = await (await fetch(address, { headers: { 'accept-language': 'en' } })).text();
  return /Valid|Superseded|Withdrawn/.exec(page.replaceAll(/<(style|head)[\s\S]*?<\/\1>/g, ''))?.[0] ?? page;
}

test('is partial while a tube waits, final when both are released; what is withdrawn is not told any more', async () => {
  const { patient, enter } = await orderedTogether();
  const serum = await enter({ potassium: '4.1', sodium: '141' });
  await done(lab, `${serum.report}/$release`, { conclusion: 'Electrolytes are normal.' });

  const first = await paper(serum.report);
  expect([first.status, first.headers.get('content-type')]).toEqual([200, 'application/pdf']);
  for (const part of [
    'PARTIAL',
    'Layla Haddad',
    'Potassium 4.1',
    'Sodium 141',
    'sedimentation rate pending',
    'Electrolytes are normal.',
  ]) {
    expect(first.pages).toContain(part);
  }
  expect((await paper(serum.report)).bytes.equals(first.bytes)).toBe(true);

  const blood = await enter({ esr: '37' });
  const second = await paper(blood.report);
  // Reviewed, but not released: still to come, whichever of the reports is asked.
  expect(second.bytes.equals(first.bytes)).toBe(true);
  expect(second.pages).not.toContain('sedimentation rate 37');
  expect(await checked(first.bytes)).toBe('Valid');

  await done(lab, `${blood.report}/$release`, { conclusion: 'Repeat in a month.' });
  const last = await paper(blood.report);
  expect(last.pages).not.toContain('PARTIAL');
  for (const part of [
    'Final',
    'Potassium 4.1',
    'Sodium 141',
    'sedimentation rate 37',
    'Electrolytes are normal.',
    'Repeat in a month.',
  ]) {
    expect(last.pages).toContain(part);
  }
  expect((await paper(serum.report)).bytes.equals(last.bytes)).toBe(true);
  expect([await checked(first.bytes), await checked(last.bytes)]).toEqual(['Superseded', 'Valid']);
  await isKept(last.bytes, [serum.report, blood.report]);
  await isDocument(blood.report, patient, [...Object.values(serum.results), ...Object.values(blood.results)]);

  // The report of one tube is another document, which is not superseded by it.
  const one = await lab.fetch(`${serum.report}/$report?language=en`);
  const alone = Buffer.from(await one.arrayBuffer());
  expect((await readPdf(alone)).pages.join()).not.toContain('sedimentation rate 37');
  expect([await checked(alone), await checked(last.bytes)]).toEqual(['Valid', 'Valid']);

  await done(lab, `${blood.results['esr']}/$withdraw`, { reason: 'Another patient' });
  const after = await paper(serum.report);
  expect(after.pages).not.toContain('sedimentation rate 37');
  expect(after.pages).toContain('Sodium 141');
  expect([await checked(last.bytes), await checked(alone)]).toEqual(['Superseded', 'Valid']);

  await done(lab, `${serum.report}/$withdraw`, { reason: 'Another patient' });
  expect((await paper(blood.report)).pages).not.toMatch(/Sodium 141|Potassium 4\.1/);
  expect(await checked(after.bytes)).not.toBe('Valid');
}, 120_000);

/** As Binary and DocumentReference of all of its reports, with its digest in what is signed. */
async function isKept(bytes: Buffer, reports: readonly string[]): Promise<void> {
  const sha256 = createHash('sha256').update(bytes).digest('base64url');
  const kept = (await found(lab, `DocumentReference?related=${reports[1]}&status=current`)).filter(
    (one) => object(one['masterIdentifier'])['value'] === `ni:///sha-256;${sha256}`,
  );
  expect(kept).toHaveLength(1);
  const [reference = {}] = kept;
  expect(objects(object(reference['context'])['related']).map((one) => one['reference'])).toEqual(reports);
  const [provenance = {}] = await found(lab, `Provenance?target=${refer(reference)}`);
  expect(objects(provenance['signature'])).toHaveLength(1);
  expect(objects(provenance['entity'])).toHaveLength(2);
  const related = await found(lab, `DocumentReference?related=${reports[0]}`);
  expect(related).toHaveLength(2);
  expect(related.map(({ status }) => status)).toEqual(expect.arrayContaining(['current', 'superseded']));
}

async function isDocument(report: string, patient: string, results: readonly string[]): Promise<void> {
  const answer = await lab.fetch(`${report}/$document?requisition=true`);
  const bundle = (await answer.json()) as JsonObject;
  expect([answer.status, bundle['type']]).toEqual([200, 'document']);
  const resources = objects(bundle['entry']).map(({ resource }) => object(resource));
  const [together = {}, ...others] = resources.filter(({ resourceType }) => resourceType === 'DiagnosticReport');
  expect(others).toEqual([]);
  expect([together['status'], object(together['subject'])['reference']]).toEqual(['final', patient]);
  expect(objects(together['result']).map(({ reference }) => reference)).toEqual(expect.arrayContaining([...results]));
  // It is no version of a report that is stored.
  expect(refer(together)).not.toBe(report);
  const inside = new Set(resources.map(refer));
  for (const one of results) expect(inside.has(one)).toBe(true);
  const validated = await send(lab, 'Bundle/$validate', bundle);
  const errors = objects(validated.body['issue']).filter(({ severity }) => severity === 'error');
  expect([validated.status, errors]).toEqual([200, []]);
}

/** The Binary as $export writes it. */
async function inExport(at: Laboratory, id: string): Promise<JsonObject[]> {
  const { output } = await exported(at, '$export?_type=Binary');
  return (await linesOf(at, output)).filter((one) => one['id'] === id);
}

const all = 'system/Patient.rs system/Observation.rs system/Specimen.rs system/Binary.rs';

test('who may not read a part of it gets nothing, neither from the operation nor from what was kept', async () => {
  const { enter } = await orderedTogether();
  const serum = await enter({ potassium: '4.1', sodium: '141' });
  await done(lab, `${serum.report}/$release`);
  const read = async (scopes: string, report = serum.report): Promise<number> =>
    (await paper(report, await signIn(lab.tenant, scopes))).status;
  expect(await read(`${all} system/DiagnosticReport.rs system/ServiceRequest.r`)).toBe(200);
  // The sedimentation rate is waited for: that is told to those who may read its order.
  expect(await read(`${all} system/DiagnosticReport.rs`)).toBe(403);
  const blood = await enter({ esr: '37' });
  await done(lab, `${blood.report}/$release`);
  expect(await read(`${all} system/DiagnosticReport.rs`)).toBe(200);
  expect(await read('system/Patient.rs system/Specimen.rs system/DiagnosticReport.rs')).toBe(403);
  // Of the two reports only the first, by which the documents are kept.
  const one = await signIn(lab.tenant, `${all} system/DiagnosticReport.rs?_id=${serum.report.split('/')[1]}`);
  expect([(await paper(serum.report, one)).status, (await paper(blood.report, one)).status]).toEqual([403, 404]);
  const kept = await found(lab, `DocumentReference?related=${blood.report}&status=current`);
  const urls = kept.flatMap((document) =>
    objects(document['content']).map(({ attachment }) => String(object(attachment)['url'])),
  );
  expect(urls).toHaveLength(1);
  const binary = async (at: Laboratory): Promise<number> => {
    const answer = await at.fetch(urls[0] ?? '', { headers: { accept: 'application/pdf' } });
    await answer.arrayBuffer();
    return answer.status;
  };
  expect([await binary(one), await binary(lab)]).toEqual([403, 200]);
  // A search finds it by the first report, and an export gives it without what it says.
  const id = urls[0]?.split('/')[1] ?? '';
  const [listed = {}, ...more] = await found(one, `Binary?_id=${id}`);
  expect([refer(listed), more, listed['data']]).toEqual([`Binary/${id}`, [], undefined]);
  expect(await inExport(one, id)).toEqual([{ ...listed, id }]);
  const [given = {}] = await inExport(await signIn(lab.tenant, `${all} system/DiagnosticReport.rs`), id);
  expect(Buffer.from(String(given['data']), 'base64').subarray(0, 5).toString()).toBe('%PDF-');
}, 120_000);

test('who reads only what is released is told of it at once, of one tube and of the released part of another', async () => {
  const { enter } = await orderedTogether();
  const blood = await enter({ esr: '37' });
  await done(lab, `${blood.report}/$release`);
  const serum = await enter({ potassium: '4.1', sodium: '141' });
  const released = ['DiagnosticReport', 'Observation'].map((type) => `system/${type}.rs?status=final`);
  const scopes = ['system/Patient.r', 'system/Specimen.r', 'system/ServiceRequest.r', ...released].join(' ');
  const reader = await signIn(lab.tenant, scopes);
  const page = async (): Promise<string> => {
    const { status, pages } = await paper(blood.report, reader);
    expect(status).toBe(200);
    return pages;
  };
  const before = await page();
  for (const part of ['PARTIAL', 'sedimentation rate 37', 'Potassium pending', 'Sodium pending']) {
    expect(before).toContain(part);
  }
  await done(lab, `${serum.report}/$release`, { result: serum.results['potassium'] ?? '' });
  const between = await page();
  for (const part of ['PARTIAL', 'sedimentation rate 37', 'Potassium 4.1', 'Sodium pending']) {
    expect(between).toContain(part);
  }
  await done(lab, `${serum.report}/$release`);
  const html = await reader.fetch(`${blood.report}/$report?requisition=true&format=html&language=ar`);
  const text = await html.text();
  expect([html.status, text.includes('الصوديوم'), text.includes('>141<')]).toEqual([200, true, true]);
  expect(await page()).not.toContain('PARTIAL');
}, 120_000);

test('the other laboratory, and an order of another patient with the same number, have no part in it', async () => {
  const { patient, enter } = await orderedTogether();
  const serum = await enter({ potassium: '4.1', sodium: '141' });
  await done(lab, `${serum.report}/$release`);
  const blood = await enter({ esr: '37' });
  await done(lab, `${blood.report}/$release`);
  const [order = {}] = await found(lab, `ServiceRequest?subject=${patient}`);
  const stranger = await addPatient(lab);
  const { requisition = {}, code = {} } = order;
  const plain = { resourceType: 'ServiceRequest', status: 'active', intent: 'order', requisition, code };
  const other = await send(lab, 'ServiceRequest', { ...plain, subject: { reference: stranger } });
  expect(other.status).toBe(201);
  expect((await paper(serum.report)).pages).not.toContain('PARTIAL');
  const elsewhere = await makeLaboratory();
  expect((await paper(serum.report, elsewhere)).status).toBe(404);
  const unknown = await lab.fetch(`${serum.report}/$report?requisition=yes`);
  expect(unknown.status).toBe(400);
  await unknown.arrayBuffer();
  const id = `r-together-${serum.report.slice(-36)}`;
  await paper(blood.report, lab, { 'x-request-id': id });
  const events = await eventsOf(lab, id);
  expect(events).toHaveLength(1);
  expect(events[0]?.patients).toEqual([patient.slice('Patient/'.length)]);
  for (const told of [serum.report, blood.report, ...Object.values(serum.results)]) {
    expect(JSON.stringify(events)).toContain(told.split('/')[1]);
  }
}, 120_000);
