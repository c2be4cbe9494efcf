/** `makhbar import`: files of a folder into a laboratory, beside the running server. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { observation, patient } from '../exporting/asking.ts';
import { makeLaboratory, testServer, type Laboratory } from '../server.ts';

const command = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
let folder: string;
let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  folder = await mkdtemp(join(tmpdir(), 'makhbar-import-'));
  await writeFile(join(folder, 'patients.ndjson'), `${JSON.stringify(patient('p'))}\n{"resourceType":"Nothing"}\n`);
  await writeFile(join(folder, 'results.ndjson.gz'), gzipSync(`${JSON.stringify(observation('o', 'p'))}\n`));
  await writeFile(join(folder, 'readme.txt'), 'not this');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function makhbar(...args: readonly string[]): Promise<{ code: unknown; out: string; err: string }> {
  const { databaseUrl, dataDir } = testServer();
  const env = { ...process.env, DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { env }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    );
  });
}

test('a folder', async () => {
  const { code, out } = await makhbar('import', folder, '--tenant', lab.tenant.name, '--json');
  const told = JSON.parse(out) as { outcomes: string[] };
  expect(told).toMatchObject({ counts: { Patient: 1, Observation: 1 }, refused: 1 });
  expect(told.outcomes.join()).toContain('patients.ndjson line 2');
  expect(code).toBe(1);
  for (const path of ['Patient/p', 'Observation/o']) expect((await lab.fetch(path)).status).toBe(200);
}, 60_000);

test.each([
  ['a laboratory that is not there', () => [folder, '--tenant', 'nowhere'], 'no laboratory'],
  ['a file that is not there', () => [join(folder, 'none'), '--tenant', lab.tenant.name], 'cannot be read'],
])(
  '%s',
  async (_, args, said) => {
    const { code, err } = await makhbar('import', ...args());
    expect([code, err]).toEqual([1, expect.stringContaining(said)]);
  },
  60_000,
);
