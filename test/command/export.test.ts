/** `makhbar export`: a laboratory into a folder beside the running server, gone on with after a kill, and into another one. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventsOf } from '../audit/log.ts';
import { secondFactorAcr } from '../../src/access/authentication.ts';
import { officer, parameters, send } from '../erasure/laboratory.ts';
import { exported, linesOf, observation, patient, write } from '../exporting/asking.ts';
import { makeLaboratory, signIn, testServer, type Laboratory } from '../server.ts';

const command = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
let folder: string;
let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  folder = await mkdtemp(join(tmpdir(), 'makhbar-export-'));
  const ids = Array.from({ length: 50 }, (_, i) => `n${i}`);
  await write(
    lab,
    ids.flatMap((id) => [patient(id), observation(id, id, { valueString: '1.00' })]),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

function makhbar(args: readonly string[], killed?: (kill: () => void) => void): Promise<Ran> {
  const { databaseUrl, dataDir } = testServer();
  const env = { ...process.env, DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [command, ...args], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), out, err }),
    );
    killed?.(() => child.kill('SIGKILL'));
  });
}

interface File {
  readonly name: string;
  readonly kind: string;
  readonly type: string;
  readonly count: number;
  readonly sha256: string;
}

async function filesOf(out: string): Promise<File[]> {
  const { files } = JSON.parse(await readFile(join(out, 'export-manifest.json'), 'utf8')) as { files: File[] };
  for (const { name, sha256 } of files) {
    const hash = createHash('sha256').update(await readFile(join(out, name)));
    expect([name, hash.digest('hex')]).toEqual([name, sha256]);
  }
  return files;
}

test('a folder has everything; another laboratory reads it; again, it stays', async () => {
  const out = join(folder, 'all');
  const args = ['export', '--tenant', lab.tenant.name, '--out', out];
  const first = await makhbar(args);
  expect([first.code, first.out]).toEqual([0, expect.stringContaining('Observation: 50')]);
  const files = await filesOf(out);
  expect(files.map(({ type, count }) => [type, count])).toEqual([
    ['Observation', 50],
    ['Patient', 50],
  ]);
  expect((await readdir(out)).sort((a, b) => (a < b ? -1 : 1))).toEqual([
    ...files.map(({ name }) => name),
    'export-manifest.json',
  ]);
  const before = await readFile(join(out, 'export-manifest.json'), 'utf8');
  expect((await makhbar([...args, '--json'])).code).toBe(0);
  expect(await readFile(join(out, 'export-manifest.json'), 'utf8')).toBe(before);
  const other = await makeLaboratory();
  expect(await makhbar(['import', out, '--tenant', other.tenant.name])).toMatchObject({ code: 0 });
  expect(await (await other.fetch('Observation?_summary=count')).json()).toMatchObject({ total: 50 });
  const events = (await eventsOf(lab)).filter(({ deed }) => deed === 'makhbar export');
  expect(events.map(({ kind }) => kind).sort((a, b) => (a < b ? -1 : 1))).toEqual([
    'export-finished',
    'export-requested',
  ]);
}, 120_000);

test('after a kill it goes on, with the same moment and the same files', async () => {
  const out = join(folder, 'killed');
  const args = ['export', '--tenant', lab.tenant.name, '--out', out, '--format', 'hl7v2'];
  const killed = await makhbar(args, (kill) => {
    const watch = async (): Promise<void> => {
      const isBegun = async (): Promise<boolean> =>
        (await readdir(out).catch((): string[] => [])).includes('.export-state.json');
      for (const until = Date.now() + 120_000; Date.now() < until && !(await isBegun());) await pause(5);
      kill();
    };
    void watch();
  });
  // A machine that is fast enough may be done.
  expect(['SIGKILL', 0]).toContain(killed.code);
  const { moment, transactionTime } = JSON.parse(
    await readFile(join(out, '.export-state.json'), 'utf8').catch(() =>
      readFile(join(out, 'export-manifest.json'), 'utf8'),
    ),
  ) as { moment?: string; transactionTime?: string };
  expect((await makhbar(args)).code).toBe(0);
  const manifest = JSON.parse(await readFile(join(out, 'export-manifest.json'), 'utf8')) as Record<string, unknown>;
  expect(manifest).toMatchObject({ outputFormat: 'application/hl7-v2', transactionTime: moment ?? transactionTime });
  const files = await filesOf(out);
  const outputs = files.filter(({ kind }) => kind === 'output');
  expect(outputs.map(({ type, count }) => [type, count])).toEqual([
    ['Patient', 50],
    ['Observation', 50],
  ]);
  for (const { name, count } of outputs) {
    const text = await readFile(join(out, name), 'utf8');
    expect(text.match(/^MSH\|/gm)).toHaveLength(count);
    expect(text).toContain(`\rBTS|${count}\rFTS|1\r`);
  }
}, 120_000);

test('de-identified, by the rules and the key of a project, as $export-deidentified does it', async () => {
  const dpo = await officer(lab.tenant);
  await send(dpo, 'POST', '$research-project-add', parameters({ name: 'potassium', purpose: 'x', least: '2' }));
  const out = join(folder, 'deidentified');
  const args = ['export', '--tenant', lab.tenant.name, '--out', out, '--deidentified', 'potassium'];
  expect(await makhbar(args)).toMatchObject({ code: 0 });
  const files = await filesOf(out);
  expect(files.filter(({ kind }) => kind === 'output').map(({ type, count }) => [type, count])).toEqual([
    ['Patient', 50],
    ['Observation', 50],
  ]);
  const texts = await Promise.all(files.map(({ name }) => readFile(join(out, name), 'utf8')));
  const all = [...texts, await readFile(join(out, 'export-manifest.json'), 'utf8')].join('');
  expect(all).not.toMatch(/"n\d+"|Patient\/n|"identifier"|"family"/);
  expect(all).toMatch(/"rareCodes"/);
  const about = { roles: ['researcher'], acr: secondFactorAcr };
  const researcher = await signIn(lab.tenant, 'manage/research', 'ada', about);
  const manifest = await exported(researcher, '$export-deidentified?project=potassium&_type=Patient');
  // The same pseudonyms.
  const [one] = await linesOf(researcher, manifest.output);
  expect(all).toContain(String(one?.['id']));
  const events = (await eventsOf(lab)).filter(
    ({ kind, deed }) => kind === 'deidentified-export-requested' && deed === 'makhbar export',
  );
  expect(JSON.stringify(events.map(({ further }) => further))).toContain('research project potassium');
}, 120_000);

test.each<[string, () => Promise<string[]>, string]>([
  [
    'a folder with other files',
    async () => {
      await writeFile(join(folder, 'mine.txt'), 'x');
      return ['--tenant', lab.tenant.name, '--out', folder];
    },
    'has other files',
  ],
  [
    'a folder with another export',
    () => Promise.resolve(['--tenant', lab.tenant.name, '--out', join(folder, 'all'), '--type', 'Patient']),
    'has another export',
  ],
  [
    'a laboratory that is not there',
    () => Promise.resolve(['--tenant', 'nowhere', '--out', join(folder, 'nowhere')]),
    'no laboratory',
  ],
  [
    'a project that is not there',
    () => Promise.resolve(['--tenant', lab.tenant.name, '--out', join(folder, 'p'), '--deidentified', 'none']),
    'no project "none"',
  ],
  [
    'a type that the rules do not name',
    () =>
      Promise.resolve([
        ...['--tenant', lab.tenant.name, '--out', join(folder, 'p'), '--deidentified', 'potassium'],
        ...['--type', 'Practitioner'],
      ]),
    'the rules name no Practitioner',
  ],
  [
    'messages without identifiers',
    () =>
      Promise.resolve([
        ...['--tenant', lab.tenant.name, '--out', join(folder, 'p'), '--deidentified', 'potassium'],
        ...['--format', 'hl7v2'],
      ]),
    'NDJSON',
  ],
  ['no type', () => Promise.resolve(['--tenant', lab.tenant.name, '--out', join(folder, 'x'), '--type', 'Foo']), 'Foo'],
])(
  '%s is refused',
  async (_, args, said) => {
    const { code, err } = await makhbar(['export', ...(await args())]);
    expect([code, err]).toEqual([1, expect.stringContaining(said)]);
  },
  60_000,
);
