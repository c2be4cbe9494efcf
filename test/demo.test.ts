/** The day of a laboratory, as `npm run demo` tells it: each of its steps checks what came of it. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { here } from './astm/sample-files.ts';

const root = new URL('../', import.meta.url).pathname;

test('from the order of a hospital to the departure of the laboratory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'makhbar-demo-test-'));
  try {
    const said = await new Promise<string>((done, fail) => {
      execFile(process.execPath, ['demo/main.ts', folder], { cwd: root }, (error, out, err) =>
        error === null ? done(out) : fail(new Error(`${out}\n${err}`)),
      );
    });
    const headings = [...said.matchAll(/^ *\d+ s {2}(.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      ...['A fresh laboratory', 'A hospital orders', 'Specimens', 'Quality control', 'Analyzers', 'Release', 'Reports'],
      ...['Recorded analyzers', 'The EMR', 'Consent', 'A correction', 'Who saw it', 'Leaving'],
      expect.stringMatching(/^All of it was checked\./),
    ]);
    const recorded = here
      ? /Sysmex XP-100, as it was recorded: .*hb 10\.1 g\/dL \(101 g\/L\), hct 24\.2 %/
      : /Left out: there are no recordings of analyzers/;
    expect(said).toMatch(recorded);
    for (const name of ['report-en', 'report-ar']) {
      const bytes = await readFile(join(folder, `${name}.pdf`));
      expect(bytes.toString('latin1')).toContain('<pdfaid:part>');
    }
    expect(said).toMatch(/An empty second server loaded it: \d{3,} resources, each the same to the last digit\./);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 300_000);
