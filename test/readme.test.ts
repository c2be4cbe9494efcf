/**
 * README's tour does what it says: its shell blocks run, in order and in one shell, against a server on a fresh
 * DATA_DIR, and what a comment promises appears.
 *
 * In a block, `# → text` after a command promises that the output of that command holds the text. The line that starts
 * the server (`npm start`) is what this test has done already.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startServer, stopServer, type Running } from './durability/process.ts';
import { stepsOf, type Step } from './readme-tour.ts';

const root = new URL('../', import.meta.url).pathname;
const readme = join(root, 'README.md');
let dataDir: string;
let port: number;
let running: Running;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'makhbar-tour-'));
  await chmod(dataDir, 0o711);
  port = await freePort();
  running = await startServer(dataDir, { PORT: String(port) });
}, 120_000);

afterAll(async () => {
  await stopServer(running);
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

/** Runs the steps in one shell, so that variables last, with a marker line after each; returns the output of each. */
function runSteps(steps: readonly Step[]): Promise<string[]> {
  const script = steps.map((step) => `${step.command}\necho "@@ $?"`).join('\n');
  const env = {
    ...process.env,
    DATA_DIR: dataDir,
    DATABASE_URL: '',
    PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`,
  };
  return new Promise((resolve) => {
    execFile('bash', ['-c', `exec 2>&1\n${script}`], { cwd: root, env, timeout: 120_000 }, (_error, stdout) => {
      resolve(stdout.split(/(?<=@@ \d+)\n/));
    });
  });
}

test('every command of the tour ends with 0 and shows what it promises', async () => {
  expect(existsSync(readme)).toBe(true);
  const steps = stepsOf(
    (await readFile(readme, 'utf8'))
      .replaceAll('localhost:8080', `127.0.0.1:${port}`)
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`),
  );
  expect(steps.length).toBeGreaterThan(5);
  const outputs = await runSteps(steps);
  const wrong = steps.flatMap((step, i) => {
    const output = outputs[i] ?? '';
    const missing = step.promises.filter((promise) => !output.includes(promise));
    return output.endsWith('@@ 0') && missing.length === 0
      ? []
      : [`${step.command}\n→ ${output}\nmissing: ${missing.join(', ')}`];
  });
  expect(wrong).toEqual([]);
}, 180_000);

test('a command that fails, or does not show what it promises, is found out', async () => {
  const tour =
    '## A five-minute tour\n```sh\nnpm start\n```\n```sh\nWORD=there\n\necho $WORD\n# → there\n# → nowhere\n\nfalse\n```\n## Next\n```sh\nexit 9\n```\n';
  const steps = stepsOf(tour);
  expect(steps).toEqual([
    { command: 'WORD=there', promises: [] },
    { command: 'echo $WORD', promises: ['there', 'nowhere'] },
    { command: 'false', promises: [] },
  ]);
  expect(await runSteps(steps)).toEqual(['@@ 0', 'there\n@@ 0', '@@ 1', '']);
});
