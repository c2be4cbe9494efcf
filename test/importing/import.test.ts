/** Bulk import on a real server: NDJSON that is sent, what is stored, what is refused line by line, and what is told. */
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { eventsOf } from '../audit/log.ts';
import { exported, kickOff, linesOf, observation, pathOf, patient, posted } from '../exporting/asking.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

const ndjson = { 'content-type': 'application/fhir+ndjson', prefer: 'respond-async' };

interface Report {
  readonly mode: string;
  readonly output: { readonly type: string; readonly count: number }[];
  readonly refused: number;
  readonly error: { readonly url: string }[];
}

async function ended(
  lab: Laboratory,
  begun: Response,
): Promise<{ report: Report; outcomes: string[]; status: string }> {
  expect(begun.status).toBe(202);
  const status = pathOf(lab, begun.headers.get('content-location') ?? '');
  for (const until = Date.now() + 120_000; ;) {
    const answer = await lab.fetch(status);
    if (answer.status !== 202) {
      expect(answer.status).toBe(200);
      const report = (await answer.json()) as Report;
      const [error] = report.error;
      const text = error === undefined ? '' : await (await lab.fetch(pathOf(lab, error.url))).text();
      return { report, outcomes: text.split('\n').slice(0, -1), status };
    }
    if (Date.now() > until) throw new Error(`The import did not end: ${answer.headers.get('x-progress')}`);
    await pause(100);
  }
}

function sent(lines: readonly (string | JsonObject)[], query = ''): [string, RequestInit] {
  const body = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  return [`$import${query}`, { method: 'POST', headers: ndjson, body: `${body}\n` }];
}

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

test('lines are stored, digit by digit, and what refers to nothing is told', async () => {
  const exact =
    '{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"K"},"subject":{"reference":"Patient/p1"},"valueQuantity":{"value":4.10}}';
  const { report, outcomes } = await ended(
    lab,
    await lab.fetch(...sent([patient('p1'), exact, observation('o2', 'nobody'), ''])),
  );
  expect(report).toMatchObject({ mode: 'strict', refused: 0 });
  expect(Object.fromEntries(report.output.map(({ type, count }) => [type, count]))).toEqual({
    Observation: 2,
    Patient: 1,
  });
  expect(await (await lab.fetch('Observation/o1')).text()).toContain('4.10');
  expect(outcomes).toEqual([expect.stringContaining('Observation/o2 refers to Patient/nobody, which is not here')]);
  // It is found as what was written in any other way is.
  const found = (await (await lab.fetch('Observation?patient=p1')).json()) as { total: number };
  expect(found.total).toBe(1);
});

const refused: readonly [string, string, string][] = [
  ['no JSON', '{"resourceType":', 'line 2'],
  ['no object', '[1]', 'no JSON object'],
  ['no resource', '{"a":1}', 'resourceType'],
  ['an unknown type', '{"resourceType":"Foo"}', 'resourceType'],
  ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1'), 'line 2'],
  ['a bad id', '{"resourceType":"Patient","id":"a/b"}', 'id'],
  ['an invalid resource', '{"resourceType":"Observation","status":"done","code":{"text":"K"}}', 'status'],
  ['an unknown element', '{"resourceType":"Patient","foo":1}', 'foo'],
  ['an AuditEvent', '{"resourceType":"AuditEvent"}', 'AuditEvents are not imported'],
  ['a duplicate key', '{"resourceType":"Patient","id":"x","id":"y"}', 'line 2'],
];

test('a line that cannot be stored is told, and the others are stored', async () => {
  const bad = refused.map(([, line]) => line);
  const body = Buffer.concat(
    [JSON.stringify(patient('r1')), ...bad, JSON.stringify(patient('r2'))].map((line, i) =>
      Buffer.from(`${line}\n`, bad[i - 1]?.includes('ÿ') === true ? 'latin1' : 'utf8'),
    ),
  );
  const { report, outcomes } = await ended(lab, await lab.fetch('$import', { method: 'POST', headers: ndjson, body }));
  expect(report.output).toEqual([{ type: 'Patient', count: 2 }]);
  expect(report.refused).toBe(refused.length);
  expect(outcomes).toHaveLength(refused.length);
  refused.forEach(([, , said], i) => {
    const outcome = outcomes[i] ?? '';
    expect(JSON.parse(outcome)).toMatchObject({ resourceType: 'OperationOutcome' });
    expect(outcome).toContain(`line ${i + 2}:`);
    if (!said.startsWith('line')) expect(outcome).toContain(said);
  });
  for (const id of ['r1', 'r2']) expect((await lab.fetch(`Patient/${id}`)).status).toBe(200);
});

test('report-only tells the same and stores nothing', async () => {
  const { report, outcomes } = await ended(lab, await lab.fetch(...sent([patient('dry'), '{}'], '?mode=report-only')));
  expect(report).toMatchObject({ mode: 'report-only', output: [{ type: 'Patient', count: 1 }], refused: 1 });
  expect(outcomes).toHaveLength(1);
  expect((await lab.fetch('Patient/dry')).status).toBe(404);
});

test('a second line of the same resource is its second version', async () => {
  await ended(lab, await lab.fetch(...sent([patient('twice'), patient('twice', { gender: 'female' })])));
  const twice = (await (await lab.fetch('Patient/twice')).json()) as JsonObject;
  expect(twice).toMatchObject({ gender: 'female', meta: { versionId: '2' } });
});

test('by identifier: what is here under another id is that one, and references follow', async () => {
  const own = await makeLaboratory();
  const known = { identifier: [{ system: 'urn:mrn', value: '4711' }] };
  await ended(own, await own.fetch(...sent([patient('here', known)])));
  const lines = [
    observation('o', 'there'),
    patient('there', { ...known, gender: 'female' }),
    patient('new', { identifier: [{ system: 'urn:mrn', value: '4712' }] }),
  ];
  await ended(own, await own.fetch(...sent(lines, '?match=identifier')));
  expect((await own.fetch('Patient/there')).status).toBe(404);
  expect(await (await own.fetch('Patient/here')).json()).toMatchObject({ gender: 'female', meta: { versionId: '2' } });
  expect(await (await own.fetch('Observation/o')).json()).toMatchObject({ subject: { reference: 'Patient/here' } });
  expect((await own.fetch('Patient/new')).status).toBe(200);
});

test('gzipped; and an export comes back as it was', async () => {
  const manifest = await exported(lab, '$export?_type=Patient');
  const lines = await linesOf(lab, manifest.output);
  const other = await makeLaboratory();
  const body = gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const { report } = await ended(
    other,
    await other.fetch('$import', { method: 'POST', headers: { ...ndjson, 'content-encoding': 'gzip' }, body }),
  );
  expect(report.output).toEqual([{ type: 'Patient', count: lines.length }]);
  const again = await linesOf(other, (await exported(other, '$export')).output);
  const bare = (all: readonly JsonObject[]): unknown[] =>
    all.map(({ meta: _meta, ...rest }) => rest).sort((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
  expect(bare(again)).toEqual(bare(lines));
});

describe('who may', () => {
  test('only who may write everything', async () => {
    const less = await signIn(lab.tenant, 'system/Patient.cruds', 'less');
    expect((await less.fetch(...sent([patient('x')]))).status).toBe(403);
  });

  test('to others it is not there', async () => {
    const { status } = await ended(lab, await lab.fetch(...sent([patient('mine')])));
    const others = [await signIn(lab.tenant, 'system/*.cruds', 'other'), await makeLaboratory()];
    for (const other of others) {
      expect((await other.fetch(status)).status).toBe(404);
      expect((await other.fetch(status.replace('status', 'errors'))).status).toBe(404);
      expect((await other.fetch(status, { method: 'DELETE' })).status).toBe(404);
    }
    expect((await lab.fetch(status, { method: 'DELETE' })).status).toBe(202);
    expect((await lab.fetch(status)).status).toBe(404);
    expect((await lab.fetch('Patient/mine')).status).toBe(200);
  });
});

const input = (url: string, type?: string): JsonObject => ({
  name: 'input',
  part: [{ name: 'url', valueUrl: url }, ...(type === undefined ? [] : [{ name: 'type', valueCode: type }])],
});

test.each<[string, JsonObject[], number, string]>([
  ['nothing', [], 400, '$import takes'],
  ['both', [input('https://a.example'), { name: 'exportUrl', valueUrl: 'https://a.example' }], 400, '$import takes'],
  ['the inside of the network', [input('http://127.0.0.1:5432/')], 403, 'IMPORT_ORIGINS'],
  ['the metadata of a cloud', [input('http://169.254.169.254/latest/meta-data')], 403, 'IMPORT_ORIGINS'],
  ['a file', [input('file:///etc/passwd')], 403, 'IMPORT_ORIGINS'],
  ['no address', [input('x')], 403, 'IMPORT_ORIGINS'],
  ['a manifest of the inside', [{ name: 'exportUrl', valueUrl: 'http://localhost/' }], 403, 'IMPORT_ORIGINS'],
  ['another format', [input('https://a.example'), { name: 'inputFormat', valueString: 'text/csv' }], 400, 'text/csv'],
  ['another mode', [input('https://a.example'), { name: 'mode', valueCode: 'perhaps' }], 400, 'perhaps'],
  ['another match', [input('https://a.example'), { name: 'match', valueCode: 'name' }], 400, 'name'],
  ['an unknown type', [input('https://a.example', 'Foo')], 400, 'Foo'],
  ['an unknown parameter', [{ name: 'foo', valueString: 'x' }], 400, 'foo'],
])('refused: %s', async (_, parameter, status, said) => {
  const answer = await kickOff(lab, '$import', posted(parameter));
  const outcome = (await answer.json()) as { issue: { diagnostics: string }[] };
  expect([answer.status, outcome.issue[0]?.diagnostics]).toEqual([status, expect.stringContaining(said)]);
});

test('each deed has its event', async () => {
  const own = await makeLaboratory();
  await ended(own, await own.fetch(...sent([patient('a'), observation('o', 'a'), '{}'])));
  const events = await eventsOf(own);
  const of = (kind: string): typeof events => events.filter((event) => event.kind === kind);
  expect(of('import-requested')).toHaveLength(1);
  expect(of('import-stored').flatMap(({ touched }) => touched.map(({ type, id }) => `${type}/${id}`))).toEqual([
    'Patient/a',
    'Observation/o',
  ]);
  expect(of('import-stored').flatMap(({ patients }) => patients)).toContain('a');
  expect(JSON.stringify(of('import-finished'))).toContain('refused');
  expect(of('import-finished')).toHaveLength(1);
});
