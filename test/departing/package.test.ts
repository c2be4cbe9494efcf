/** The package of a laboratory: it proves itself, tells of every change, and loads into another laboratory unchanged. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';
import { typeNumber } from '../../src/fhir/resource-types.ts';
import { sql } from '../../src/store/sql.ts';
import { makhbar, verify } from './makhbar.ts';

const pdf = Buffer.from('%PDF-1.4 report of a patient, مريم \u2028');
let root: string;
let folder: string;
let lab: Laboratory;

const entries = [
  { resourceType: 'Patient', id: 'pat.-1', active: true, name: [{ family: 'بن علي', given: ['Zoë\u2028'] }] },
  {
    resourceType: 'Observation',
    id: 'obs',
    status: 'final',
    code: { text: 'Potassium' },
    subject: { reference: 'Patient/pat.-1' },
    valueQuantity: { value: '@exact@', unit: 'mmol/L' },
  },
  { resourceType: 'CodeSystem', id: 'cs', url: 'urn:own:codes', status: 'active', content: 'complete' },
  { resourceType: 'Binary', id: 'inside', contentType: 'application/pdf', data: pdf.toString('base64') },
];

beforeAll(async () => {
  lab = await makeLaboratory();
  root = await mkdtemp(join(tmpdir(), 'makhbar-package-'));
  folder = join(root, 'package');
  const entry = entries.map((resource) => ({
    resource,
    request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
  }));
  const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }).replace('"@exact@"', '1.500');
  const json = { 'content-type': 'application/fhir+json' };
  expect((await lab.fetch('', { method: 'POST', headers: json, body })).status).toBe(200);
  const file = { method: 'PUT', headers: { 'content-type': 'image/png' }, body: new Uint8Array(70_000).fill(7) };
  expect((await lab.fetch('Binary/outside', file)).status).toBe(201);
  const again = { resourceType: 'Patient', id: 'gone' };
  for (const active of [true, false]) {
    const put = { method: 'PUT', headers: json, body: JSON.stringify({ ...again, active }) };
    expect((await lab.fetch('Patient/gone', put)).ok).toBe(true);
  }
  expect((await lab.fetch('Patient/gone', { method: 'DELETE' })).ok).toBe(true);
  const seals = sql`select exists (select from audit_seal where tenant_id = ${lab.tenant.id}) as there`;
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(200)) {
    const [row] = await testDatabase().query<{ there: boolean }>(lab.tenant.id, seals);
    if (row?.there === true) break;
  }
  const made = await makhbar('tenant', 'package', lab.tenant.name, folder, '--history', '--json');
  expect(made).toMatchObject({ code: 0 });
}, 120_000);
afterAll(() => rm(root, { recursive: true, force: true }));

async function manifest(): Promise<{
  counts: Record<string, { current: number; versions: number }>;
  files: { path: string; messages?: number }[];
}> {
  return JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as never;
}

test('it has all there is, and proves it', async () => {
  const { counts, files } = await manifest();
  expect(counts).toEqual({
    Binary: { current: 2, versions: 2 },
    CodeSystem: { current: 1, versions: 1 },
    Observation: { current: 1, versions: 1 },
    Patient: { current: 1, versions: 4 },
  });
  expect(files.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      'audit/events.ndjson',
      'audit/seals.ndjson',
      'files/Binary-inside.pdf',
      'files/Binary-outside.png',
    ]),
  );
  expect(await readFile(join(folder, 'files/Binary-inside.pdf'))).toEqual(pdf);
  expect(await readFile(join(folder, 'resources/Observation.ndjson'), 'utf8')).toMatch(/"value": ?1\.500[,}]/);
  const key = (await makhbar('keys', 'show')).out.trim();
  const checked = await verify(folder, '--key', key);
  expect(checked).toMatchObject({ code: 0, err: '' });
  expect(checked.out).toMatch(/OK .* 5 resources, [1-9]\d* audit events under [1-9]\d* seals/);
}, 60_000);

test('what HL7 v2 can say of it stands there as messages too, and what it cannot', async () => {
  const { files } = await manifest();
  const archived = files.filter(({ path }) => path.startsWith('hl7v2/')).map(({ path, messages }) => [path, messages]);
  expect(archived).toEqual([
    ['hl7v2/Observation.hl7', 1],
    ['hl7v2/Patient.hl7', 1],
    ['hl7v2/unsaid/Patient.ndjson', undefined],
    ['hl7v2/unsaid/others.ndjson', undefined],
  ]);
  const patient = await readFile(join(folder, 'hl7v2/Patient.hl7'), 'utf8');
  expect(patient).toMatch(/^FHS\|.*\rBHS\|.*\rMSH\|.*ADT\^A28.*\rPID\|.*بن علي\^Zoë.*\rBTS\|1\rFTS\|1\r$/s);
  expect(await readFile(join(folder, 'hl7v2/Observation.hl7'), 'utf8')).toMatch(/OBX\|.*\|1\.500\|mmol\/L/);
  expect(await readFile(join(folder, 'hl7v2/unsaid/others.ndjson'), 'utf8')).toContain('CodeSystem: 1 not');
}, 60_000);

async function change(path: string, from: RegExp, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  expect(text).toMatch(from);
  await writeFile(path, text.replace(from, to));
}

describe('what was changed is found', () => {
  test.each([
    ['a value', (at: string) => change(join(at, 'resources/Observation.ndjson'), /1\.500/, '1.501'), 'was changed'],
    ['a line too many', (at: string) => change(join(at, 'resources/Patient.ndjson'), /$/, '{}\n'), 'lines'],
    ['a missing file', (at: string) => rm(join(at, 'files/Binary-outside.png')), 'is missing'],
    ['a file that came in', (at: string) => writeFile(join(at, 'resources/More.ndjson'), ''), 'is not of the package'],
    ['a message', (at: string) => change(join(at, 'hl7v2/Observation.hl7'), /1\.500/, '1.501'), 'was changed'],
    [
      'a message that went',
      (at: string) => change(join(at, 'hl7v2/Patient.hl7'), /MSH\|.*?(?=BTS)/s, ''),
      'has 0 messages and not 1',
    ],
    ['the manifest', (at: string) => change(join(at, 'manifest.json'), /"current": 1/, '"current": 2'), 'signature'],
    [
      'an event',
      (at: string) => change(join(at, 'audit/events.ndjson'), /"recorded":"20/, '"recorded":"19'),
      'not those that were sealed',
    ],
    [
      'the chain',
      (at: string) => change(join(at, 'audit/seals.ndjson'), /\\"number\\":1/, '\\"number\\":2'),
      'does not follow',
    ],
  ])('%s', async (_, spoil, said) => {
    const copy = await mkdtemp(join(root, 'copy-'));
    await cp(folder, copy, { recursive: true });
    await spoil(copy);
    const { code, out } = await verify(copy);
    expect([code, out]).toEqual([1, expect.stringContaining(said)]);
  });

  test('another key', async () => {
    expect(await verify(folder, '--key', 'x')).toMatchObject({ code: 1, out: expect.stringContaining('not by x') });
  });
});

/** Current resources of a laboratory as texts, without what each server counts for itself. */
async function textsOf({ tenant }: Laboratory): Promise<string[]> {
  const rows = await testDatabase().query<{ text: string }>(
    tenant.id,
    sql`select coalesce(v.exact, v.content::text) as text from resource r
      join resource_version v on v.tenant_id = r.tenant_id and v.rid = r.rid and v.ver = r.ver
      where r.tenant_id = ${tenant.id} and not r.deleted and r.type <> ${typeNumber('Binary')}::int2`,
  );
  return rows.map(({ text }) => bare(text)).sort();
}

/** meta.versionId and meta.lastUpdated are the server's own. */
function bare(text: string): string {
  return text.replace(/"versionId": ?"\d+",? ?/, '').replace(/"lastUpdated": ?"[^"]+",? ?/, '');
}

test('loaded into another laboratory, every resource is the same byte for byte', async () => {
  const other = await makeLaboratory();
  const loaded = await makhbar('import', folder, '--tenant', other.tenant.name, '--json');
  expect(JSON.parse(loaded.out)).toMatchObject({
    refused: 0,
    counts: { Binary: 2, CodeSystem: 1, Observation: 1, Patient: 1 },
  });
  const texts = await textsOf(lab);
  expect(texts).toHaveLength(3);
  expect(await textsOf(other)).toEqual(texts);
  for (const id of ['inside', 'outside']) {
    const [one, two] = await Promise.all(
      [lab, other].map(async ({ fetch }) => (await fetch(`Binary/${id}`, { headers: { accept: '*/*' } })).text()),
    );
    expect(two).toBe(one);
  }
}, 60_000);

test('a suspended laboratory has a package too, and one that was stopped goes on', async () => {
  await makhbar('tenant', 'suspend', lab.tenant.name);
  // As after kill -9: the beginning, one file that is complete, half of another, half a line of the log.
  const { files, moment } = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
    files: { path: string }[];
    moment: string;
  };
  const first = files.find(({ path }) => path === 'resources/Patient.ndjson');
  const beginning = { laboratory: lab.tenant.name, moment, history: false, lastSeal: 1, horizon: '1' };
  const types = ['Patient', 'Observation', 'CodeSystem', 'Binary'];
  const log = [{ ...beginning, types }, first].map((line) => `${JSON.stringify(line)}\n`);
  const stopped = join(root, 'stopped');
  await cp(join(folder, 'resources/Patient.ndjson'), join(stopped, 'resources/Patient.ndjson'));
  // What it writes next finds the disk full.
  await symlink('/dev/full', join(stopped, '.part'));
  await writeFile(join(stopped, '.progress.ndjson'), `${log.join('')}{"path":"resources/Obs`);
  const full = await makhbar('tenant', 'package', lab.tenant.name, stopped);
  expect([full.code, full.err]).toEqual([1, expect.stringContaining('the disk is full')]);
  await rm(join(stopped, '.part'));
  await writeFile(join(stopped, '.part'), '{"resourceType":"Obs');
  const went = await makhbar('tenant', 'package', lab.tenant.name, stopped);
  expect(went.code).toBe(0);
  expect(went.err).not.toContain('resources/Patient.ndjson');
  expect(went.err).toContain('Observation.ndjson');
  expect((await verify(stopped)).out).toContain('OK ');
  const [again, before] = await Promise.all(
    [stopped, folder].map((at) => readFile(join(at, 'hl7v2/Patient.hl7'), 'utf8')),
  );
  expect(again).toBe(before);
}, 120_000);

test.each([
  ['a laboratory that is not there', () => ['nowhere', join(root, 'n')], 'no laboratory'],
  ['a folder that is not empty', () => [lab.tenant.name, root], 'not empty'],
  ['a folder that cannot be made', () => [lab.tenant.name, '/dev/null/package'], 'cannot be written'],
])(
  '%s is refused with a sentence',
  async (_, args, said) => {
    const { code, err } = await makhbar('tenant', 'package', ...args());
    expect([code, err]).toEqual([1, expect.stringContaining(said)]);
  },
  60_000,
);
