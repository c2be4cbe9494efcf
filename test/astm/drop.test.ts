/** Files of analyzers: when they are taken, how often, and where they go. The clock is the test's. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { recordsOf } from '../../src/astm/driver.ts';
import { dropFolder, type Became } from '../../src/gateways/astm/drop.ts';
import { loadDrivers } from '../../src/gateways/astm/drivers.ts';

const csv = loadDrivers().get('csv-results')!;
const header = 'sample;test;value;unit;flag;completed\n';
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** As the gateway takes a file: what its driver cannot read is refused. */
function dropped({ fails = 0, processes = 1, meanwhile = (_path: string): void => undefined } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'drop-'));
  folders.push(folder);
  const [taken, told]: [string[], string[]] = [[], []];
  let now = 1_772_000_000_000;
  let failing = fails;
  const take = (content: Buffer, name: string): Promise<Became> => {
    if (failing-- > 0) return Promise.reject(new Error('no database'));
    const { problem, records } = recordsOf(csv, content);
    if (problem !== undefined) return Promise.resolve({ kind: 'refused', reason: problem });
    meanwhile(join(folder, '.taking', name));
    taken.push(`${name} ${records.filter(({ type }) => type === 'R').length}`);
    return Promise.resolve({ kind: 'taken' });
  };
  const options = {
    take,
    told: (name: string, reason: string) => void told.push(`${name}: ${reason}`),
    now: () => now,
  };
  const drops = Array.from({ length: processes }, () => dropFolder(folder, options));
  const path = (name: string): string => join(folder, name);
  return {
    taken,
    told,
    path,
    put: (name: string, text: string) => writeFileSync(path(name), text),
    files: (sub = '') =>
      readdirSync(path(sub), { withFileTypes: true }).flatMap((one) => (one.isFile() ? one.name : [])),
    /** Looks after so many seconds. */
    after: async (seconds: number): Promise<void> => {
      now += seconds * 1_000;
      await Promise.all(drops.map((drop) => drop.look()));
    },
  };
}

test('a file is taken when it has not changed for a while, once, and moved', async () => {
  const { put, after, taken, files } = dropped();
  put('one.csv', `${header}S-1;GLU;5.40;mmol/L;N;\n`);
  await after(0);
  await after(2);
  expect(taken).toEqual([]);
  await after(1);
  expect([taken, files(), files('done')]).toEqual([['one.csv 1'], [], ['one.csv']]);
  await after(100);
  expect(taken).toHaveLength(1);
});

test('one that is still written is waited for, longer where a line has not ended', async () => {
  const { put, path, after, taken } = dropped();
  put('slow.csv', `${header}S-1;GLU;5.40;mmol/L;N;\nS-2;GLU;1`);
  await after(0);
  await after(59);
  expect(taken).toEqual([]);
  appendFileSync(path('slow.csv'), '2.0;mmol/L;H;\nS-3;GLU;6.0;mmol/L;N;\n');
  await after(1);
  await after(2);
  expect(taken).toEqual([]);
  await after(1);
  expect(taken).toEqual(['slow.csv 3']);
  put('open.csv', `${header}S-1;GLU;5.40;mmol/L;N;`);
  await after(0);
  await after(60);
  expect(taken).toEqual(['slow.csv 3', 'open.csv 1']);
});

test('hidden and temporary files, empty ones, folders and links are left alone', async () => {
  const { put, path, after, taken, files } = dropped();
  for (const name of ['.hidden.csv', '~one.csv', 'one.csv.part', 'one.tmp', 'one.csv~']) put(name, header);
  put('empty.csv', '');
  mkdirSync(path('more'));
  symlinkSync('/etc/passwd', path('link.csv'));
  await after(0);
  await after(100);
  expect(taken).toEqual([]);
  expect(files('done')).toEqual([]);
  expect(files()).toHaveLength(6);
});

test('a broken line refuses the whole file, and says which', async () => {
  const { put, path, after, taken, told, files } = dropped();
  put('bad.csv', `${header}S-1;GLU;5.40;mmol/L;N;\nS-2;GLU\n`);
  await after(0);
  await after(3);
  expect(taken).toEqual([]);
  expect(files('failed').toSorted()).toEqual(['bad.csv', 'bad.csv.reason.txt']);
  expect(readFileSync(join(path('failed'), 'bad.csv.reason.txt'), 'utf8')).toBe(
    'Line 3 has 2 values; there are 6 columns.\n',
  );
  expect(told).toEqual(['bad.csv: Line 3 has 2 values; there are 6 columns.']);
});

test('what could not be stored stays, and is tried again', async () => {
  const { put, after, taken, told, files } = dropped({ fails: 2 });
  put('one.csv', `${header}S-1;GLU;5.40;mmol/L;N;\n`);
  await after(0);
  await after(3);
  await after(1);
  // It is told once; the file comes back from where it was held, and is waited for again.
  expect([taken, told, files()]).toEqual([[], ['one.csv: no database'], ['one.csv']]);
  await after(1);
  expect([taken, files()]).toEqual([['one.csv 1'], []]);
});

test('files of one name are all kept, in the order in which they came', async () => {
  const { put, after, taken, files } = dropped();
  for (const value of ['5.40', '5.50', '5.60']) {
    put('same.csv', `${header}S-1;GLU;${value};mmol/L;N;\n`);
    await after(0);
    await after(3);
  }
  expect(taken).toHaveLength(3);
  expect(files('done')).toHaveLength(3);
});

test('one that is written to while it is read is taken again as a whole', async () => {
  let more = ['S-2;GLU;6.00;mmol/L;N;\n'];
  const { put, after, taken, files } = dropped({
    meanwhile: (path) => {
      for (const line of more) appendFileSync(path, line);
      more = [];
    },
  });
  put('one.csv', `${header}S-1;GLU;5.40;mmol/L;N;\n`);
  await after(0);
  await after(3);
  expect([taken, files()]).toEqual([['one.csv 1'], ['one.csv']]);
  await after(0);
  await after(3);
  expect([taken, files(), files('done')]).toEqual([['one.csv 1', 'one.csv 2'], [], ['one.csv']]);
});

test('of two processes one takes a file', async () => {
  const { put, after, taken, files } = dropped({ processes: 2 });
  for (let n = 0; n < 20; n++) put(`${n}.csv`, `${header}S-${n};GLU;5.40;mmol/L;N;\n`);
  await after(0);
  await after(3);
  expect(new Set(taken).size).toBe(20);
  expect([taken.length, files().length, files('done').length]).toEqual([20, 0, 20]);
});

test('what a process that died has left comes back', async () => {
  const { put, path, after, taken, files } = dropped();
  await after(0);
  mkdirSync(path('.taking'), { recursive: true });
  put('.taking/one.csv', `${header}S-1;GLU;5.40;mmol/L;N;\n`);
  await after(1);
  await after(599);
  expect([taken, files('.taking')]).toEqual([[], ['one.csv']]);
  await after(1);
  await after(3);
  expect([taken, files('done')]).toEqual([['one.csv 1'], ['one.csv']]);
});

test('a folder that cannot be used is told once, and used when it can be', async () => {
  const { put, path, after, taken, told } = dropped();
  writeFileSync(path('done'), 'in the way');
  put('one.csv', `${header}S-1;GLU;5.40;mmol/L;N;\n`);
  await after(0);
  await after(5);
  expect([taken, told]).toEqual([[], [expect.stringMatching(/^: .*done/)]]);
  rmSync(path('done'));
  await after(0);
  await after(3);
  expect(taken).toEqual(['one.csv 1']);
});
