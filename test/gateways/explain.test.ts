/** Messages explained: where each element of FHIR comes from, as an operation, a page and a command; and who may ask. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseMessage } from '../../src/hl7v2/message.ts';
import { namesOf } from '../../src/hl7v2/dictionary.ts';
import { listMessages } from '../../src/store/messages.ts';
import { explain, type Explanation } from '../../src/translation/explain.ts';
import { otherText } from '../../src/translation/effects.ts';
import { eventsOf } from '../audit/log.ts';
import { send, type Json } from '../erasure/laboratory.ts';
import { makeLaboratory, signIn, testServer } from '../server.ts';
import { makeBench, message, session, type Bench } from './bench.ts';

const body = [
  'PID|1||4711^^^MRN^MR||Ali^Omar||19870309|M|||||||||||X',
  'OBR|1|P1|F1|58410-2^CBC^LN|||20260131080000|||||||||||||||20260131090000||HM|F',
  'OBX|1|NM|718-7^Hb^LN||13.50|g/dL^^UCUM|12-17|N|||F',
  'OBX|2|CE|5778-6^Colour^LN||Y^yellow^L||||||F|||20260131',
  'NTE|1||clear \\T\\ bright',
  'ZZZ|1|what',
];

let made: Bench;
let id = '';
let endpoint = '';

beforeAll(async () => {
  made = await makeBench();
  // Takes seconds, once.
  await namesOf('2.5.1');
  await made.sender.send(message(made, 'ORU^R01^ORU_R01', 'explained', ...body));
  const [stored] = await listMessages(session(made.lab), { controlId: 'explained', count: 1 });
  [id, endpoint] = [stored?.id ?? '', stored?.interface ?? ''];
}, 90_000);
afterAll(() => made.sender.close());

async function explainedText(...segments: string[]): Promise<Explanation> {
  return explain(parseMessage(['MSH|^~\\&|A|F|||20260131||ORU^R01|1|P|2.5.1', ...segments].join('\r')), {
    settings: { zone: 'UTC', systems: {}, mapped: () => undefined },
    names: await namesOf('2.5.1'),
    meaning: (table, code) => (table === 1 && code === 'M' ? 'Male' : undefined),
    breathe: () => Promise.resolve(),
  });
}

describe('where elements come from', () => {
  test('each field is named, and says what it became', async () => {
    const { segments } = await explainedText(...body);
    const fields = new Map(segments.flatMap((one) => one.fields).map((field) => [field.place, field]));
    expect(fields.get('PID-8')).toEqual({
      place: 'PID-8',
      name: 'Administrative Sex',
      value: 'M',
      meaning: 'Male',
      fate: 'became',
      became: ['Patient#1.gender'],
    });
    const became = (place: string): readonly string[] | undefined => fields.get(place)?.became;
    expect(became('PID-5.1')).toEqual(['Patient#1.name[0].family']);
    expect(became('PID-7')).toEqual(['Patient#1.birthDate']);
    expect(became('OBX[1]-5')).toEqual(['Observation#1.valueQuantity.value']);
    expect(became('OBX[1]-11')).toEqual(['Observation#1.status']);
    expect(became('OBX[2]-14')).toEqual(['Observation#2.effectiveDateTime']);
    expect(became('NTE-3')).toEqual(['Observation#2.note[0].text']);
    expect(fields.get('NTE-3')?.value).toBe('clear & bright');
    expect(fields.get('OBX[2]-5.1')?.name).toBe('Observation Value · Identifier');
    const fates = ['OBX[1]-1', 'ZZZ-2', 'MSH-9.1', 'MSH-10'].map((place) => fields.get(place)?.fate);
    expect(fates).toEqual(['ignored', 'ignored', 'decides', 'unused']);
  });

  test('each element says from which fields it is; what no field says is of the rule', async () => {
    const { resources, unmapped } = await explainedText(...body);
    expect(resources.map(({ name }) => name)).toEqual([
      'Patient#1',
      'ServiceRequest#1',
      'Observation#1',
      'Observation#2',
      'DiagnosticReport#1',
    ]);
    const from = (resource: string, path: string): readonly string[] | undefined =>
      resources.find(({ name }) => name === resource)?.elements.find((one) => one.path === path)?.from;
    expect(from('Observation#1', 'valueQuantity.value')).toEqual(['OBX[1]-2', 'OBX[1]-5']);
    expect(from('Observation#1', 'issued')).toEqual(['OBR-22']);
    expect(from('ServiceRequest#1', 'intent')).toEqual([]);
    expect(unmapped).toMatchObject([{ code: 'Y', place: { segment: 'OBX', sequence: 2, field: 5 } }]);
  });

  test('a message that is refused says why, and becomes nothing', async () => {
    expect(await explainedText('OBX|1|NM|1^^LN||1')).toMatchObject({
      resources: [],
      problems: [{ sentence: 'A message of results must have a PID.' }],
    });
  });

  test('a long message is told in part of its fields, in bounded time', async () => {
    const many = Array.from({ length: 1_000 }, (_, i) => `OBX|${i}|NM|718-7^^LN|${i}|1`);
    const { segments } = await explainedText('PID|1||1^^^A', 'OBR|1|P|F|1^^LN', ...many);
    const fates = new Set(segments.flatMap(({ fields }) => fields.map(({ fate }) => fate)));
    expect(fates).toContain('unfollowed');
    expect(segments.flatMap(({ fields }) => fields).length).toBeLessThanOrEqual(20_100);
  }, 120_000);

  test.each([
    ['1999', '2000'],
    ['F', 'G'],
    ['zZ9', 'aA0'],
    ['ليلى', 'ليلىx'],
    ['a\\T\\b', 'a\\T\\bx'],
  ])('%s is changed to %s', (text, other) => expect(otherText(text, '\\')).toBe(other));
});

describe('$explain-message', () => {
  const parameters = (more: Json): Json => ({ resourceType: 'Parameters', parameter: [more] });

  test('of a message of record: what it made, and an event that names it and the patient', async () => {
    const answer = await send(made.lab, 'GET', `Endpoint/${endpoint}/$explain-message?id=${id}`);
    const text = JSON.stringify(answer);
    expect(text).toContain('{"name":"status","valueCode":"applied"}');
    expect(text).toMatch(/"name":"made","valueReference":\{"reference":"Observation\/[^"]+\/_history\/1"/);
    expect(text).toContain('Patient#1.gender');
    const event = (await eventsOf(made.lab)).find(({ kind }) => kind === 'message-explained');
    expect(JSON.stringify(event)).toContain(id);
    expect(JSON.stringify(event)).toMatch(/"patients":\["[0-9a-f-]{36}"/);
  });

  test('of a text: nothing is stored, and the query does not take it', async () => {
    const before = (await listMessages(session(made.lab), { count: 100 })).length;
    const text = message(made, 'ORU^R01', 'tried', ...body);
    const path = `Endpoint/${endpoint}/$explain-message`;
    const answer = await send(made.lab, 'POST', path, parameters({ name: 'message', valueString: text }));
    expect(JSON.stringify(answer)).toContain('DiagnosticReport#1.status');
    expect((await listMessages(session(made.lab), { count: 100 })).length).toBe(before);
    const refused = await made.lab.fetch(`${path}?message=MSH`);
    expect(refused.status).toBe(400);
  });

  test.each(['en', 'fr', 'ar'])('as a page in %s', async (language) => {
    const path = `Endpoint/${endpoint}/$explain-message?id=${id}&_format=html&_language=${language}`;
    const page = await made.lab.fetch(path);
    expect(page.headers.get('content-type')).toContain('text/html');
    const text = await page.text();
    expect(text).toContain(`lang="${language}"`);
    expect(text).toContain('Administrative Sex');
    expect(text).toContain('clear &amp; bright');
  });

  test.each<[string, Json, number]>([
    ['nothing', { name: '_language', valueCode: 'en' }, 400],
    ['a text that is no message', { name: 'message', valueString: 'hello' }, 400],
    ['an id that no message has', { name: 'id', valueString: '0190f7a4-0000-7000-8000-000000000000' }, 404],
    ['no id at all', { name: 'id', valueString: "' or 1=1" }, 404],
  ])('%s is refused', async (_, more, status) => {
    const answer = await made.lab.fetch(`Endpoint/${endpoint}/$explain-message`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(parameters(more)),
    });
    expect(answer.status).toBe(status);
  });

  test('who may not read all that messages are about does not read a message; another laboratory finds none', async () => {
    const path = `Endpoint/${endpoint}/$explain-message?id=${id}`;
    const scopes = [
      ['user/Endpoint.r', 403],
      ['user/Endpoint.r user/Patient.r user/Specimen.r user/ServiceRequest.r user/DiagnosticReport.r', 403],
      ['user/Endpoint.r user/*.r?_id=1', 403],
      ['user/Observation.r', 403],
      ['user/*.r', 200],
    ] as const;
    for (const [scope, status] of scopes) {
      const answer = await (await signIn(made.lab.tenant, scope)).fetch(path);
      expect([scope, answer.status]).toEqual([scope, status]);
    }
    const other = await makeLaboratory();
    expect((await other.fetch(path)).status).toBe(404);
  });
});

test('`makhbar messages explain` tells the same as text, also of a file', async () => {
  const { databaseUrl, dataDir } = testServer();
  const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  const run = (...args: string[]): Promise<string> =>
    new Promise((done) =>
      execFile(
        process.execPath,
        [launcher, 'messages', 'explain', made.lab.tenant.name, ...args],
        { env },
        (_, out, err) => done(out + err),
      ),
    );
  const told = await run(id);
  expect(told).toContain('PID-8  Administrative Sex = M (Male)  → Patient#1.gender');
  expect(told).toContain('valueQuantity.value = 13.50  ← OBX[1]-2, OBX[1]-5');
  const file = join(dataDir, 'tried.hl7');
  await writeFile(file, message(made, 'ORU^R01', 'file', ...body).replaceAll('\r', '\n'));
  expect(await run('--file', file, '--interface', endpoint)).toContain(
    'NTE-3  Comment = clear & bright  → Observation#2',
  );
  expect(await run()).toContain('Name a message, or a file with one');
}, 90_000);
