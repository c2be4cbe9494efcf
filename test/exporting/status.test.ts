/** An export after it was asked for: who may have it, waiting, cancelling, fetching, running out, failing. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from '../../src/store/sql.ts';
import { makeLaboratory, signIn, testDatabase, testServer, type Laboratory } from '../server.ts';
import {
  ended,
  exported,
  kickOff,
  linesOf,
  namesOf,
  observation,
  pathOf,
  patient,
  write,
  type Manifest,
} from './asking.ts';

let lab: Laboratory;
let manifest: Manifest;
let status: string;
let file: string;

beforeAll(async () => {
  lab = await makeLaboratory({ settings: { exportConcurrency: 3 } });
  const results = Array.from({ length: 40 }, (_, i) => observation(`o${i}`, i % 2 === 0 ? 'a' : 'b'));
  await write(lab, [patient('a'), patient('b'), ...results]);
  const begun = await kickOff(lab, '$export?_type=Observation');
  status = pathOf(lab, begun.headers.get('content-location') ?? '');
  manifest = (await (await ended(lab, `${lab.base}/${status}`)).json()) as Manifest;
  file = pathOf(lab, manifest.output[0]?.url ?? '');
}, 60_000);

/** A transaction of the application that goes on until it is let go. */
async function holding(work: () => Promise<void>): Promise<void> {
  await testDatabase().transaction(lab.tenant.id, async (session) => {
    await session.query(sql`select 1`);
    await work();
  });
}

test('the manifest says when it expires, and is not kept by anybody between', async () => {
  const answer = await lab.fetch(status);
  expect(Date.parse(answer.headers.get('expires') ?? '')).toBeGreaterThan(Date.now());
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(await answer.json()).toEqual(manifest);
});

describe('a file', () => {
  test('is NDJSON, gzipped on request, and the same', async () => {
    const plain = await lab.fetch(file, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('content-type')).toBe('application/fhir+ndjson');
    const text = await plain.text();
    expect(plain.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
    const zipped = await raw(file, { 'accept-encoding': 'gzip' });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(zipped.body).toString()).toBe(text);
  });

  test.each([
    ['bytes=0-9', 206, [0, 10]],
    ['bytes=5-', 206, [5, undefined]],
    ['bytes=-7', 206, [-7, undefined]],
    ['bytes=999999999-', 416, undefined],
  ] as const)('%s', async (range, expected, part) => {
    const all = Buffer.from(await (await lab.fetch(file)).arrayBuffer());
    const answer = await lab.fetch(file, { headers: { range } });
    expect(answer.status).toBe(expected);
    if (part !== undefined) expect(Buffer.from(await answer.arrayBuffer())).toEqual(all.subarray(part[0], part[1]));
  });

  test('stands encrypted in the file store', async () => {
    const [id] = /[0-9a-f-]{36}/.exec(file) ?? [];
    const key = `${lab.tenant.id}/export/${id}/0`;
    const shard = `.${createHash('sha256').update(key).digest('hex').slice(0, 2)}`;
    const stored = await readFile(
      join(testServer().dataDir, 'files', String(lab.tenant.id), 'export', id ?? '', shard, '0'),
    );
    expect(stored.includes('resourceType')).toBe(false);
  });
});

async function raw(
  path: string,
  headers: Record<string, string>,
): Promise<{ headers: NodeJS.Dict<string | string[]>; body: Buffer }> {
  return new Promise((resolve, reject) => {
    get(`${lab.base}/${path}`, { headers: { ...headers, authorization: `Bearer ${lab.token}` } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(chunks) }));
    }).on('error', reject);
  });
}

describe('who may', () => {
  const both = (): string[] => [status, file];

  test('nobody else of the laboratory', async () => {
    const other = await signIn(lab.tenant, 'system/*.cruds', 'somebody-else');
    for (const path of both()) expect((await other.fetch(path)).status).toBe(404);
    expect((await other.fetch(status, { method: 'DELETE' })).status).toBe(404);
  });

  test('nobody of another', async () => {
    const elsewhere = await makeLaboratory();
    for (const path of both()) expect((await elsewhere.fetch(path)).status).toBe(404);
  });

  test('not without a token', async () => {
    for (const path of both()) expect((await lab.fetch(path, { headers: { authorization: '' } })).status).toBe(401);
  });

  test('the same, with less, is refused; with enough of it, not', async () => {
    const less = await signIn(lab.tenant, 'system/Patient.rs');
    for (const path of both()) expect((await less.fetch(path)).status).toBe(403);
    const enough = await signIn(lab.tenant, 'system/Observation.rs');
    expect((await enough.fetch(file)).status).toBe(200);
    const narrow = await signIn(lab.tenant, 'system/Observation.rs?status=final');
    expect((await narrow.fetch(file)).status).toBe(403);
  });

  test.each(['none', randomUUID(), "' or 1=1 --", '%00', '../1'])('there is no export %j', async (id) => {
    expect((await lab.fetch(`$export-status?job=${encodeURIComponent(id)}`)).status).toBe(404);
    expect((await lab.fetch(`$export-file?job=${encodeURIComponent(id)}&file=0`)).status).toBe(404);
  });

  test.each(['1', '99999999999', '-1', '../0', ''])('there is no file %j', async (number) => {
    expect((await lab.fetch(file.replace(/file=0$/, `file=${encodeURIComponent(number)}`))).status).toBe(404);
  });
});

test('everybody exports what he may see', async () => {
  const narrow = await signIn(lab.tenant, 'system/Observation.rs?subject=Patient/a system/Patient.rs', 'narrow');
  const found = await namesOf(narrow, (await exported(narrow, '$export')).output);
  expect(found.filter((name) => name.startsWith('Observation'))).toHaveLength(20);
  expect(found).toHaveLength(22);
  const patientItself = await signIn(lab.tenant, 'patient/*.rs', 'a', { patient: 'a' });
  const own = await namesOf(patientItself, (await exported(patientItself, 'Patient/$export')).output);
  expect(own).toHaveLength(21);
});

test('who refused is left out of a group, and it is said', async () => {
  const strict = await makeLaboratory({ settings: { consentDefault: 'deny' } });
  const members = ['a', 'b'].map((id) => ({ entity: { reference: `Patient/${id}` } }));
  await write(strict, [
    patient('a'),
    patient('b'),
    { resourceType: 'Group', id: 'g', type: 'person', actual: true, member: members },
    {
      resourceType: 'Consent',
      id: 'c',
      status: 'active',
      scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
      category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
      patient: { reference: 'Patient/a' },
      dateTime: '2026-01-01',
      policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }] },
      provision: { type: 'permit' },
    },
  ]);
  const bound = await signIn(strict.tenant, 'system/Patient.rs system/Group.rs', 'warehouse', { consent: 'enforced' });
  const made = await exported(bound, 'Group/g/$export?_type=Patient');
  expect(await namesOf(bound, made.output)).toEqual(['Patient/a']);
  expect(JSON.stringify(await linesOf(bound, made.error))).toContain('1 of the 2 patients');
}, 60_000);

test('it waits for transactions that may still bring something older', async () => {
  let waiting = '';
  await holding(async () => {
    const begun = await kickOff(lab, '$export?_type=Patient');
    waiting = pathOf(lab, begun.headers.get('content-location') ?? '');
    for (let i = 0; i < 3; i++) {
      const answer = await lab.fetch(waiting);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([202, '2']);
      expect(answer.headers.get('x-progress')).toMatch(/./);
    }
    // Nor is anything given out before it is whole.
    expect((await lab.fetch(waiting.replace('status', 'file').concat('&file=0'))).status).toBe(404);
  });
  expect((await ended(lab, `${lab.base}/${waiting}`)).status).toBe(200);
}, 60_000);

test('impatience and too many exports are answered 429', async () => {
  await holding(async () => {
    const begun = [];
    for (let i = 0; i < 3; i++) begun.push(await kickOff(lab, '$export?_type=Patient'));
    expect(begun.map((answer) => answer.status)).toEqual([202, 202, 202]);
    const tooMany = await kickOff(lab, '$export');
    expect([tooMany.status, tooMany.headers.get('retry-after')]).toEqual([429, '60']);
    const [one = ''] = begun.map((answer) => pathOf(lab, answer.headers.get('content-location') ?? ''));
    // At the same time: one after the other would be slow enough on a slow machine.
    let told: (string | null)[] = [];
    for (let i = 0; i < 20 && told.length === 0; i++) {
      const answers = await Promise.all(Array.from({ length: 40 }, () => lab.fetch(one)));
      told = answers.filter((answer) => answer.status === 429).map((answer) => answer.headers.get('retry-after'));
    }
    expect(told).toContain('10');
    for (const { headers } of begun) {
      expect((await lab.fetch(pathOf(lab, headers.get('content-location') ?? ''), { method: 'DELETE' })).status).toBe(
        202,
      );
    }
  });
  expect((await kickOff(lab, '$export?_type=Patient')).status).toBe(202);
}, 60_000);

test('a cancelled export is gone with its files', async () => {
  const begun = await kickOff(lab, '$export?_type=Patient');
  const path = pathOf(lab, begun.headers.get('content-location') ?? '');
  const made = (await (await ended(lab, `${lab.base}/${path}`)).json()) as Manifest;
  expect((await lab.fetch(path, { method: 'DELETE' })).status).toBe(202);
  for (const one of [path, pathOf(lab, made.output[0]?.url ?? '')]) expect((await lab.fetch(one)).status).toBe(404);
  expect((await lab.fetch(path, { method: 'DELETE' })).status).toBe(404);
  expect((await lab.fetch('$reindex-status', { method: 'DELETE' })).status).toBe(405);
}, 60_000);

test('an export whose time is over is gone', async () => {
  const made = await exported(lab, '$export?_type=Patient');
  const path = pathOf(lab, made.output[0]?.url ?? '');
  const [id = ''] = /[0-9a-f-]{36}/.exec(path) ?? [];
  await testDatabase().query(
    lab.tenant.id,
    sql`
    update bulk_export set expires = clock_timestamp() - interval '1 s' where tenant_id = ${lab.tenant.id} and export_id = ${id}::uuid`,
  );
  expect((await lab.fetch(path)).status).toBe(404);
}, 60_000);

test('where the files cannot be written the export fails with a sentence, and the server lives', async () => {
  const full = await makeLaboratory();
  await write(full, [patient('a')]);
  const folder = join(testServer().dataDir, 'files', String(full.tenant.id));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'export'), 'no folder can be here');
  const begun = await kickOff(full, '$export');
  const answer = await ended(full, begun.headers.get('content-location') ?? '');
  const outcome = (await answer.json()) as { issue: { diagnostics: string }[] };
  expect([answer.status, outcome.issue[0]?.diagnostics]).toEqual([
    500,
    expect.stringContaining('The file store could not take'),
  ]);
  expect((await full.fetch('Patient/a')).status).toBe(200);
}, 60_000);
