/** `makhbar audit verify` as an operator runs it, beside the running server. */
import { execFile } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { makeLaboratory, testServer } from '../server.ts';
import { putEvents } from './log.ts';
import { tamper } from './owner.ts';

const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

function makhbar(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { databaseUrl, dataDir } = testServer();
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  return new Promise((done) =>
    execFile(process.execPath, [launcher, 'audit', 'verify', ...args], { env, cwd: dataDir }, (error, out, err) =>
      done({ code: Number(error?.code ?? 0), out, err }),
    ),
  );
}

test('exit code 0 where the log is right, 1 with the place where it is not', async () => {
  const { tenant } = await makeLaboratory();
  const [id] = await putEvents(tenant.id, [{ at: '2025-01-01T10:00:00Z' }, { at: '2025-01-02T10:00:00Z' }]);
  let right = await makhbar(tenant.name, '--json');
  // A server that another test starts is told to the log of every laboratory.
  const sealed = (): number => (JSON.parse(right.out) as { events: number }).events;
  for (const end = Date.now() + 120_000; Date.now() < end && sealed() < 2;) {
    await pause(200);
    right = await makhbar(tenant.name, '--json');
  }
  expect(right.code).toBe(0);
  expect(sealed()).toBeGreaterThanOrEqual(2);
  expect((await makhbar(tenant.name)).out).toMatch(/[1-9]\d* events under/);
  await tamper(`update audit_event set address = 'x' where tenant_id = $1 and id = $2`, tenant.id, id);
  const wrong = await makhbar(tenant.name);
  expect(wrong).toMatchObject({ code: 1, out: expect.stringContaining(`AuditEvent/${id} was altered`) });
  expect((await makhbar(tenant.name, '--from', '2025-03-01')).code).toBe(0);
}, 120_000);

test.each([
  [['no-such-laboratory'], /no laboratory/],
  [['aden', '--from', 'yesterday'], /no laboratory|from must be/],
])('%j is refused', async (args, sentence) => {
  expect(await makhbar(...args)).toMatchObject({ code: 1, err: expect.stringMatching(sentence) });
});
