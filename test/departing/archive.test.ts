/** The package of a laboratory that leaves, by the API: one archive, which proves itself once it is unpacked. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32, inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { zipped, type ZipEntry } from '../../src/departing/zip.ts';
import type { About } from '../../src/identity/token.ts';
import { eventsOf } from '../audit/log.ts';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';
import { verify } from './makhbar.ts';

const fresh: About = { acr: 'urn:makhbar:acr:second-factor', authTime: Math.floor(Date.now() / 1_000) };
const scopes = 'system/*.cruds manage/settings';
const image = Buffer.alloc(70_000, 7);
let lab: Laboratory;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'makhbar-archive-'));
  lab = await makeLaboratory({ scopes, about: fresh });
  const json = { 'content-type': 'application/fhir+json' };
  for (const active of [true, false]) {
    const body = JSON.stringify({ resourceType: 'Patient', id: 'p', active, name: [{ family: 'بن علي' }] });
    expect((await lab.fetch('Patient/p', { method: 'PUT', headers: json, body })).ok).toBe(true);
  }
  const file = { method: 'PUT', headers: { 'content-type': 'image/png' }, body: new Uint8Array(image) };
  expect((await lab.fetch('Binary/b', file)).status).toBe(201);
}, 60_000);
afterAll(() => rm(root, { recursive: true, force: true }));

/** What the directory at the end of an archive names; each sum is checked. */
function unzipped(archive: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  const locator = archive.length - 22 - 20;
  expect(archive.readUInt32LE(locator)).toBe(0x07064b50);
  const end = Number(archive.readBigUInt64LE(locator + 8));
  const count = Number(archive.readBigUInt64LE(end + 32));
  let at = Number(archive.readBigUInt64LE(end + 48));
  for (let i = 0; i < count; i++) {
    expect(archive.readUInt32LE(at)).toBe(0x02014b50);
    const [sum, length] = [archive.readUInt32LE(at + 16), archive.readUInt16LE(at + 28)];
    const name = archive.toString('utf8', at + 46, at + 46 + length);
    const [size, packed, offset] = [4, 12, 20].map((place) =>
      Number(archive.readBigUInt64LE(at + 46 + length + place)),
    ) as [number, number, number];
    const start = offset + 30 + archive.readUInt16LE(offset + 26) + archive.readUInt16LE(offset + 28);
    const content = inflateRawSync(archive.subarray(start, start + packed));
    expect([content.length, crc32(content)]).toEqual([size, sum]);
    found.set(name, content);
    at += 46 + length + archive.readUInt16LE(at + 30);
  }
  return found;
}

async function announce(): Promise<void> {
  const answer = await lab.fetch('$departure-announce', { method: 'POST' });
  expect([200, 409]).toContain(answer.status);
}

test('nobody takes it who may not announce the departure, and nobody before it is announced', async () => {
  const refused = async (who: Laboratory, query = ''): Promise<number> => {
    const answer = await who.fetch(`$departure-package${query}`);
    await answer.arrayBuffer();
    return answer.status;
  };
  expect(await refused(lab)).toBe(409);
  await announce();
  expect(await refused(await signIn(lab.tenant, 'system/*.cruds', 'caller', fresh))).toBe(403);
  const tired = { ...fresh, authTime: 1_700_000_000 };
  expect(await refused(await signIn(lab.tenant, scopes, 'caller', tired))).toBe(401);
  expect(await refused(lab, '?history=perhaps')).toBe(400);
  // Another laboratory has its own departure, or none, and its token opens nothing here.
  const other = await makeLaboratory({ scopes, about: fresh });
  expect(await refused(other)).toBe(409);
  const answer = await fetch(`${lab.base}/$departure-package`, { headers: { authorization: `Bearer ${other.token}` } });
  expect(answer.status).toBe(401);
});

test('it has all there is, proves it, and its event tells how much', async () => {
  await announce();
  const answer = await lab.fetch('$departure-package?history=true');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/zip']);
  const found = unzipped(Buffer.from(await answer.arrayBuffer()));
  expect(found.get('files/Binary-b.png')?.equals(image)).toBe(true);
  expect(found.get('resources/Patient.ndjson')?.toString()).toContain('بن علي');
  const manifest = JSON.parse(found.get('manifest.json')?.toString() ?? '') as {
    counts: Record<string, { current: number; versions: number }>;
    files: { path: string }[];
  };
  expect(manifest.counts['Patient']).toEqual({ current: 1, versions: 2 });
  const closing = ['index.html', 'key.json', 'manifest.json', 'manifest.jws', 'verify.mjs'];
  expect([...found.keys()].toSorted()).toEqual([...manifest.files.map(({ path }) => path), ...closing].toSorted());
  for (const [name, content] of found) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
  expect(await verify(root)).toMatchObject({ code: 0 });
  const request = answer.headers.get('x-request-id') ?? '-';
  const events = await eventsOf(lab, request);
  expect(events).toMatchObject([{ kind: 'package-written', outcome: 0 }]);
  expect(JSON.stringify(events[0]?.further)).toContain('Patient');
}, 60_000);

test('an archive holds files of any size, and one that breaks off has no directory', async () => {
  const contents = new Map([
    ['empty', []],
    ['a/ö.txt', [Buffer.from('one'), Buffer.from('two')]],
    ['large', Array.from({ length: 40 }, (_, i) => Buffer.alloc(50_000, i))],
  ]);
  async function* chunks(given: readonly Buffer[], fails: boolean): AsyncGenerator<Buffer> {
    // The same memory each time, as what is copied from the database comes.
    const memory = Buffer.alloc(50_000);
    for (const one of given) {
      one.copy(memory);
      yield memory.subarray(0, one.length);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (fails) throw new Error('the database is gone');
  }
  // eslint-disable-next-line @typescript-eslint/require-await
  async function* entries(failing?: string): AsyncGenerator<ZipEntry> {
    for (const [path, given] of contents) yield { path, content: chunks(given, path === failing) };
  }
  const made: Buffer[] = [];
  for await (const chunk of zipped(entries())) made.push(chunk);
  const found = unzipped(Buffer.concat(made));
  for (const [path, given] of contents) expect(found.get(path)?.equals(Buffer.concat(given))).toBe(true);
  const broken = async (): Promise<void> => {
    for await (const chunk of zipped(entries('large'))) expect(chunk.length).toBeGreaterThan(0);
  };
  await expect(broken()).rejects.toThrow('the database is gone');
});
