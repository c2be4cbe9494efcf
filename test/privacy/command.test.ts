/** `makhbar privacy forward|list` as an operator runs it, beside the running server. */
import { execFile } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { officer, put, send, type Json } from '../erasure/laboratory.ts';
import { makeLaboratory, testServer } from '../server.ts';
import { eventsOf, shown } from '../audit/log.ts';
import { step } from './asking.ts';

const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

function makhbar(args: readonly string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  const { databaseUrl, dataDir } = testServer();
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  return new Promise((done) => {
    const child = execFile(process.execPath, [launcher, 'privacy', ...args], { env, cwd: dataDir }, (error, out, err) =>
      done({ code: Number(error?.code ?? 0), out, err }),
    );
    child.stdin?.end(input);
  });
}

test('a request that came to the operator reaches the laboratory, with a receipt', async () => {
  const lab = await makeLaboratory();
  const dpo = await officer(lab.tenant, 0, 'user/*.rs manage/privacy');
  await put(lab, { resourceType: 'Patient', id: 'p', name: [{ family: 'Haddadeh' }] });
  const { name } = lab.tenant;
  const late = ['--received', '2026-01-31', '--name', 'S. Haddadeh', '--text', '-', '--json'];
  const done = await makhbar(['forward', name, '--type', 'erasure', ...late], 'Please forget me.');
  expect(done).toMatchObject({ code: 0, err: '' });
  const receipt = JSON.parse(done.out) as Record<string, string>;
  expect(receipt).toEqual({
    task: expect.stringMatching(/^Task\/data-subject-request-/),
    number: expect.stringMatching(/^DSR-2026-[0-9A-F]{10}$/),
    received: '2026-01-31T00:00:00.000Z',
    due: '2026-02-28',
  });
  const task = await send(dpo, 'GET', receipt['task'] ?? '');
  expect(task).toMatchObject({
    status: 'requested',
    requester: { identifier: { value: 'operator' } },
    owner: { identifier: { value: 'data-protection-officer' } },
    businessStatus: { coding: [{ code: 'identity-open' }] },
  });
  const letter = (task['input'] as Json[]).find((one) => 'valueReference' in one)?.['valueReference'] as Json;
  const document = await send(dpo, 'GET', String(letter['reference']));
  const [{ attachment }] = document['content'] as [{ attachment: { data: string } }];
  expect(Buffer.from(attachment.data, 'base64').toString()).toBe('Name: S. Haddadeh\n\nPlease forget me.');

  const second = await makhbar(['forward', name, '--type', 'access', '--patient', 'Patient/p']);
  expect(second.out).toMatch(/^Request DSR-\d{4}-\w{10} came on .*\nIt is to be answered by /);

  const list = JSON.parse((await makhbar(['list', name, '--json'])).out) as Json[];
  expect(list.map(({ type, overdue }) => [type, overdue])).toEqual([
    ['erasure', true],
    ['access', false],
  ]);
  expect((await makhbar(['list', name, '--overdue'])).out).toMatch(
    /^2026-02-28 {2}overdue {2}DSR-\S+ {2}erasure {2}requested\n$/,
  );
  await step(dpo, task, 'cancel', { reason: 'Withdrawn.' });
  expect((await makhbar(['list', name, '--overdue'])).out).toBe('There is no open request.\n');

  const events = (await eventsOf(lab)).map(shown);
  const filed = events.filter(({ kind }) => kind === 'data-subject-request');
  expect(filed).toHaveLength(2);
  expect(filed[0]).toMatchObject({
    deed: 'makhbar privacy forward',
    agent: { subject: 'operator', client: 'makhbar' },
  });
}, 60_000);

test.each([
  [['forward', 'no-such-laboratory', '--type', 'access', '--name', 'x'], /no laboratory/],
  [['list', 'no-such-laboratory'], /no laboratory/],
])('%j is refused', async (args, sentence) => {
  expect(await makhbar(args)).toMatchObject({ code: 1, err: expect.stringMatching(sentence) });
});

test('what is no request is refused with a line, and nothing is stored', async () => {
  const { tenant } = await makeLaboratory();
  for (const [args, sentence] of [
    [['--type', 'everything', '--name', 'x'], /type is one of/],
    [['--type', 'access'], /who asks/],
    [['--type', 'access', '--patient', 'Patient/none'], /There is no Patient/],
    [['--type', 'access', '--text', '/no/such/file'], /cannot be read/],
  ] as const) {
    expect(await makhbar(['forward', tenant.name, ...args])).toMatchObject({
      code: 1,
      err: expect.stringMatching(sentence),
    });
  }
  expect((await makhbar(['list', tenant.name, '--json'])).out).toBe('[]\n');
}, 60_000);
