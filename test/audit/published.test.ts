/** Seals that are published to a file: none missing, none twice, whatever happens; and what they prove against the owner. */
import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { signSeal } from '../../src/audit/seal.ts';
import { comparePublished, type Compared } from '../../src/publishing/compare.ts';
import { publishToFile } from '../../src/publishing/publish-file.ts';
import { changeTenantSettings } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase, testServer } from '../server.ts';
import { putEvents } from './log.ts';
import { tamper } from './owner.ts';
import { sealedLaboratory, type Sealed } from './sealed.ts';

let root: string;
let folder: string;
let lab: Sealed;
let file: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'seals-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'f-'));
  lab = sealedLaboratory();
  file = join(folder, `${lab.tenant.name}.jsonl`);
});

const publish = (written = new Set<string>()): Promise<number> =>
  publishToFile({ database: testDatabase(), folder, written }, lab.tenant);
const compare = async (path = file): Promise<Compared | undefined> =>
  comparePublished(lab.session, lab.tenant, { path });
const text = (): Promise<string> => readFile(file, 'utf8');

const script = new URL('../../conformance/verify-seals.js', import.meta.url).pathname;
function run(path: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) =>
    execFile(process.execPath, [path, ...args], { cwd: root }, (error, out, err) =>
      done({ code: Number(error?.code ?? 0), out, err }),
    ),
  );
}

test('each seal stands in the file once, in their order, and what stands there never changes', async () => {
  expect([await publish(), await compare(join(folder, 'none')).catch(String)]).toEqual([
    0,
    expect.stringContaining('cannot be read (ENOENT)'),
  ]);
  await lab.seals(3);
  expect(await publish()).toBe(3);
  const before = await text();
  expect(await publish()).toBe(0);
  expect(await text()).toBe(before);
  await lab.seals(2);
  const written = new Set<string>();
  expect([await publish(written), await publish(written)]).toEqual([2, 0]);
  expect((await text()).startsWith(before)).toBe(true);
  expect(await compare()).toEqual({ seals: 5, last: 5, finding: undefined });
  expect(await run(script, file)).toMatchObject({
    code: 0,
    out: expect.stringContaining(`5 seals of ${lab.tenant.name}, 1 to 5, follow one another and are signed`),
  });
});

test('processes that publish to one folder at once add each seal once', async () => {
  await lab.seals(6);
  const added = await Promise.all([publish(), publish(), publish()]);
  expect(added.reduce((sum, count) => sum + count)).toBe(6);
  expect(await compare()).toEqual({ seals: 6, last: 6, finding: undefined });
});

test('a file that was cut anywhere goes on without a gap', async () => {
  await lab.seals(3);
  await publish();
  const whole = await text();
  await lab.seals(1);
  const copy = join(folder, 'whole');
  await copyFile(file, copy);
  const lengths = Array.from({ length: Math.floor(whole.length / 53) }, (_, i) => i * 53);
  // The last one in the midst of a line.
  for (const length of [...lengths, whole.length - 5]) {
    await copyFile(copy, file);
    await truncate(file, length);
    await publish();
    expect([length, await compare()]).toEqual([length, { seals: 4, last: 4, finding: undefined }]);
  }
  expect((await run(script, file)).out).toMatch(/^4 seals .*1 to 4.* Lines that were cut: 1\.\n$/);
});

test('a process that is killed while it publishes leaves a file that goes on', async () => {
  await lab.seals(12);
  for (let round = 0; round < 5; round++) {
    const { databaseUrl } = testServer();
    const helper = new URL('./publish-forever.ts', import.meta.url).pathname;
    const args = [helper, databaseUrl, folder, String(lab.tenant.id), lab.tenant.name];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await pause(Math.random() * 60);
    child.kill('SIGKILL');
    await once(child, 'exit');
    // The lock of the one that died ends with its connection.
    for (let tries = 0; tries < 50 && (await compare().catch(() => undefined))?.seals !== 12; tries++) {
      await publish();
      await pause(20);
    }
    expect(await compare()).toEqual({ seals: 12, last: 12, finding: undefined });
  }
}, 60_000);

describe('what the owner of the database does afterwards is found', () => {
  const sealOf = async (number: number): Promise<{ content: string; signature: Buffer }> => {
    const [row] = await lab.session.query<{ content: string; signature: Buffer }>({
      text: 'select content, signature from audit_seal where tenant_id = $1 and number = $2',
      values: [lab.tenant.id, number],
    });
    return row ?? { content: '', signature: Buffer.of() };
  };

  beforeEach(async () => {
    await lab.seals(4);
    await publish();
  });

  test('seals and events cut off at the end, and others made instead', async () => {
    await tamper('delete from audit_seal where tenant_id = $1 and number > 2', lab.tenant.id);
    expect((await compare())?.finding).toEqual({
      seal: 3,
      sentence: 'Seal 3 was published and is no longer in the log: it was cut off at the end.',
    });
    await expect(publish()).rejects.toThrow('Seal 4 was published and is no longer in the log');
    await lab.seals(3);
    expect((await compare())?.finding).toEqual({
      seal: 3,
      sentence: 'Seal 3 is another than the one that was published: it was replaced.',
    });
    await expect(publish()).rejects.toThrow('Seal 4 was published and is another in the log');
  });

  test('a seal signed again, with another key and with the key exchanged', async () => {
    const { content } = await sealOf(2);
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const signature = signSeal(content, String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
    await tamper('update audit_seal set signature = $2 where tenant_id = $1 and number = 2', lab.tenant.id, signature);
    expect((await compare())?.finding).toMatchObject({ seal: 2, sentence: expect.stringMatching(/signed again/) });
    await tamper(
      'update signing_key set public_jwk = $2 where tenant_id = $1',
      lab.tenant.id,
      JSON.stringify(publicKey.export({ format: 'jwk' })),
    );
    expect((await compare())?.finding).toMatchObject({
      seal: 1,
      sentence: expect.stringMatching(/key .* is another than the one that was published/),
    });
  });

  test('a hash that was kept elsewhere', async () => {
    const lines = (await text()).split('\n').filter((line) => line.includes('"seal"'));
    const { hash } = JSON.parse(lines[2] ?? '{}') as { hash: string };
    const ask = async (number: number, kept: string): Promise<string | undefined> =>
      (await comparePublished(lab.session, lab.tenant, { hashes: [{ number, hash: kept }] }))?.finding?.sentence;
    expect(await ask(3, hash)).toBeUndefined();
    expect(
      await ask(
        3,
        hash.replace(/.$/, (end) => (end === '0' ? '1' : '0')),
      ),
    ).toMatch(/was replaced/);
    expect(await ask(9, hash)).toMatch(/was cut off/);
  });
});

describe('a published file that was changed does not hold', () => {
  test.each<readonly [string, (lines: string[]) => string[], RegExp, RegExp]>([
    ['a seal taken out', (lines) => lines.toSpliced(2, 1), /3 does not follow/, /Seal 3 does not follow/],
    ['two exchanged', ([key = '', a = '', b = '', ...rest]) => [key, b, a, ...rest], /does not follow/, /not follow/],
    [
      'a text changed',
      (lines) => lines.map((line, i) => (i === 2 ? line.replace('\\"count\\":1', '\\"count\\":2') : line)),
      /2 is not signed/,
      /another hash/,
    ],
    [
      'a signature of another',
      (lines) => lines.map((line, i) => (i === 3 ? line.replace(/"signature":"...../, '"signature":"AAAAA') : line)),
      /3 is not signed/,
      /Seal 3 is not signed/,
    ],
    ['no key', (lines) => lines.slice(1), /1 is not signed with the key/, /does not stand before it/],
  ])('%s', async (_, change, sentence, offline) => {
    await lab.seals(4);
    await publish();
    const lines = (await text()).trimEnd().split('\n');
    const copy = join(folder, 'changed.jsonl');
    await writeFile(copy, `${change(lines).join('\n')}\n`);
    expect((await compare(copy))?.finding?.sentence).toMatch(sentence);
    expect(await run(script, copy)).toMatchObject({ code: 1, err: expect.stringMatching(offline) });
  });

  test('nor does one of another laboratory, or an empty one', async () => {
    await lab.seals(1);
    await publish();
    const other = sealedLaboratory();
    await other.seals(1);
    const compared = await comparePublished(other.session, other.tenant, { path: file });
    expect(compared?.finding?.sentence).toMatch(/is another than|that of another place/);
    const empty = join(folder, 'empty');
    await writeFile(empty, '');
    expect((await run(script, empty)).code).toBe(1);
  });
});

test('the server publishes by itself; the command and $verify compare', async () => {
  const own = await makeLaboratory({ settings: { sealFolder: folder } });
  const path = join(folder, `${own.tenant.name}.jsonl`);
  await putEvents(own.tenant.id, [{ at: '2025-01-01T10:00:00Z' }]);
  for (let tries = 0; tries < 150 && !(await readFile(path, 'utf8').catch(() => '')).includes('"seal"'); tries++) {
    await pause(200);
  }
  const { databaseUrl, dataDir } = testServer();
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  const makhbar = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
  const verify = (...args: string[]): Promise<{ code: number; out: string }> =>
    new Promise((done) =>
      execFile(
        process.execPath,
        [makhbar, 'audit', 'verify', own.tenant.name, ...args],
        { env, cwd: dataDir },
        (error, out) => done({ code: Number(error?.code ?? 0), out }),
      ),
    );
  const copy = join(folder, 'copy.jsonl');
  await copyFile(path, copy);
  expect(await verify('--published', copy)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/published: \d+ seals are in the log, up to \d+/),
  });
  const asked = async (query = ''): Promise<string> => (await own.fetch(`AuditEvent/$verify${query}`)).text();
  expect(await asked()).toMatch(/"name":"published","part":\[\{"name":"seals","valueUnsignedInt":\d+\}/);
  expect(await asked(`?published=1:${'0'.repeat(64)}`)).toMatch(/Seal 1 is another than the one that was published/);
  expect((await own.fetch('AuditEvent/$verify?published=nonsense')).status).toBe(400);
  const [line = ''] = (await readFile(copy, 'utf8'))
    .split('\n')
    .filter((one) => one.includes('"seal"'))
    .slice(-1);
  const { number } = JSON.parse(line) as { number: number };
  await appendFile(copy, line.replaceAll(`"number":${number}`, `"number":${number + 1}`).concat('\n'));
  expect((await verify('--published', copy)).code).toBe(1);
  // The folder goes with the tests, and is not to come back.
  await changeTenantSettings(testDatabase(), own.tenant.name, { sealFolder: '' });
  await pause(1_000);
}, 90_000);
