/**
 * What a person is given of his data (GDPR Art. 15(3), 20): everything of the patient as NDJSON, attachments included, and a page to
 * read. Both are Binaries, encrypted at rest, whose security context is a document that the officer and the patient read; they
 * are deleted after 30 days (jobs/expire-evidence.ts).
 *
 * 1. It is written while it is read, a page of $everything at a time: how large the record is does not matter.
 * 2. Nothing of others (Art. 15(4)): records of other patients that his refer to are left out, references to other patients are
 *    masked, and a file whose security context is not in what he is given is left out.
 * 3. Numbers have the digits that were written.
 */
import { parseJson, serializeJson, type JsonObject } from '../fhir/json.ts';
import { newId } from '../interactions/new-id.ts';
import { personOf, recordTables } from '../pages/record-rows.ts';
import { recordFoot, recordHead, tableFoot, tableHead, tableRow } from '../pages/person-record.ts';
import { isolated, numberText } from '../pages/report-document.ts';
import { thingWords } from '../pages/report-words.ts';
import { languageOf, texts as allTexts } from '../pages/texts/language.ts';
import type { Texts } from '../pages/texts/en.ts';
import { documentType, part, rights } from '../privacy/request-task.ts';
import type { Context } from '../request.ts';
import { subjectNamed } from './erase.ts';
import type { CarriedOut, Carrying } from './request-carry-out.ts';
import { fileLines } from './request-files.ts';
import { languageIn } from './request-input.ts';
import { everythingOf, type Reading } from './request-reading.ts';
import { keepEvidence } from './request-store.ts';
import { made, withAllRights } from './request-writing.ts';
import type { Send } from './streamed.ts';

const keptFor = 30 * 86_400_000;

export async function packageOf(outer: Context, carrying: Carrying): Promise<CarriedOut> {
  const context = withAllRights(outer);
  const { facts, patient } = carrying;
  const now = Date.now();
  const until = new Date(now + keptFor);
  const texts = allTexts[languageOf(languageIn(carrying.input) ?? facts.language) ?? 'en'];
  const reading: Reading = { context, patient, subject: await subjectNamed(context, patient) };
  const id = newId();
  const keeping = { context, document: `DocumentReference/${id}`, until };
  const counts = new Map<string, number>();
  const record = await keepEvidence(keeping, 'application/fhir+ndjson', (send) => ndjson(reading, counts, send));
  const page = await keepEvidence(keeping, 'text/html; charset=utf-8', (send) =>
    recordPage(reading, { texts, counts, number: facts.number, made: new Date(now), until }, send),
  );
  const named = (name: string): string => `${facts.number}.${name}`;
  const document: JsonObject = {
    resourceType: 'DocumentReference',
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] },
    status: 'current',
    type: documentType,
    category: [{ coding: [{ system: 'urn:makhbar:data-subject-part', code: 'evidence' }] }],
    subject: { reference: `Patient/${patient}` },
    date: new Date(now).toISOString(),
    description: `${rights[facts.right].text}: ${facts.number}`,
    content: [
      attachment(record, 'application/fhir+ndjson', named('ndjson')),
      {
        attachment: {
          ...attachment(page, 'text/html; charset=utf-8', named('html')).attachment,
          language: texts.language,
        },
      },
    ],
  };
  const evidence = (reference: string): JsonObject => part('evidence', { valueReference: { reference } });
  return {
    outputs: [
      evidence(keeping.document),
      evidence(record),
      evidence(page),
      part('expires', { valueDateTime: until.toISOString() }),
      part('records', { valueInteger: [...counts.values()].reduce((sum, count) => sum + count, 0) }),
    ],
    documents: [made(outer, document, id)],
  };
}

function attachment(url: string, contentType: string, title: string): { attachment: JsonObject } {
  return { attachment: { contentType, url, title } };
}

/** A resource a line; counts what it wrote by type. */
async function ndjson(reading: Reading, counts: Map<string, number>, send: Send): Promise<void> {
  const given = new Set<string>();
  const files = new Set<string>();
  for await (const resource of everythingOf(reading)) {
    const type = String(resource['resourceType']);
    // A file comes as one below, with its content.
    if (type === 'Binary') {
      files.add(String(resource['id']));
      continue;
    }
    given.add(`${type}/${String(resource['id'])}`);
    counts.set(type, (counts.get(type) ?? 0) + 1);
    const text = serializeJson(resource);
    for (const [, id = ''] of text.matchAll(/\bBinary\/([A-Za-z0-9.-]{1,64})/g)) files.add(id);
    await send(`${text}\n`);
  }
  for (const id of files) {
    if (await fileLines(reading, { id, given }, send)) counts.set('Binary', (counts.get('Binary') ?? 0) + 1);
  }
}

interface Paging {
  readonly texts: Texts;
  readonly counts: ReadonlyMap<string, number>;
  readonly number: string;
  readonly made: Date;
  readonly until: Date;
}

async function recordPage(reading: Reading, paging: Paging, send: Send): Promise<void> {
  const { texts, counts } = paging;
  const { tenant } = reading.context;
  const zone = tenant.settings.timezone;
  const head = { ...paging, laboratory: tenant.title, zone };
  const person = personOf(await patientOf(reading));
  await send(recordHead(texts, head, person));
  for (const table of recordTables) {
    if (!counts.has(table.type)) continue;
    await send(tableHead(table.title(texts), table.columns(texts)));
    for await (const resource of everythingOf(reading, table.type)) {
      await send(tableRow(table.row(texts, resource, zone)));
    }
    await send(tableFoot);
  }
  await send(tableHead(texts.record.rest, [texts.record.kind, texts.record.count]));
  for (const [type, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    await send(tableRow([isolated(thingWords(texts, type)), numberText(texts, count)]));
  }
  await send(tableFoot + recordFoot(texts));
}

async function patientOf(reading: Reading): Promise<JsonObject> {
  const { context, patient } = reading;
  const answer = await context.door.serve(context, {
    method: 'GET',
    segments: ['Patient', patient],
    query: [],
    headers: {},
    body: undefined,
  });
  return answer.resource ?? (parseJson(answer.text ?? '{}') as JsonObject);
}
