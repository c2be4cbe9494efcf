/** `makhbar user` as an operator runs it beside a running server. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import type { Tenant } from '../../src/store/tenants.ts';
import { makeLaboratory, testServer } from '../server.ts';

const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

function user(...args: string[]): Promise<Finished> {
  return makhbar('user', ...args);
}

interface Finished {
  code: number;
  out: string;
  err: string;
}

async function makhbar(...args: string[]): Promise<Finished> {
  const { databaseUrl, dataDir } = testServer();
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    PUBLIC_URL: 'https://lab.example',
  };
  return promisify(execFile)(process.execPath, [launcher, ...args], { env, cwd: dataDir }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      out: stdout,
      err: stderr,
    }),
  );
}

let tenant: Tenant;
beforeAll(async () => {
  ({ tenant } = await makeLaboratory());
});

test('from the first administrator to the one who leaves', async () => {
  const { name } = tenant;
  const link = (kind: string): RegExp => new RegExp(`^https://lab\\.example/${name}/account/${kind}/[\\w-]{43}$`, 'm');
  const added = await user(
    'add',
    name,
    'chief',
    '--role',
    'administrator',
    '--role',
    'reception',
    '--display',
    'The Chief',
  );
  expect([added.code, added.err, added.out]).toEqual([0, '', expect.stringMatching(link('invitation'))]);
  expect((await user('add', name, 'amal', '--fhir-user', 'Practitioner/7', '--json')).out).toMatch(
    /"fhirUser":"Practitioner\/7".*"kind":"invitation","link":"https:/,
  );
  expect((await user('invite', name, 'amal')).out).toMatch(link('invitation'));
  expect((await user('roles', name, 'amal', 'technician', 'phlebotomist')).out).toMatch(
    /^phlebotomist {2}since .*, given by operator\ntechnician /,
  );
  expect((await user('list', name)).out).toBe(
    'amal   invited   phlebotomist, technician\nchief  invited   administrator, reception\n',
  );
  expect((await user('disable', name, 'amal')).out).toMatch(/amal is disabled/);
  expect((await user('enable', name, 'amal')).out).toBe('amal is invited.\n');
  expect((await user('roles', name, 'amal', 'none')).out).toBe('amal has no role.\n');
  const listed = JSON.parse((await user('list', name, '--json')).out) as { username: string; roles: unknown[] }[];
  expect(listed.map(({ username, roles }) => [username, roles.length])).toEqual([
    ['amal', 0],
    ['chief', 2],
  ]);
  expect((await user('reset', name, 'chief', '--factors')).out).toMatch(link('invitation'));
  expect((await user('roles', name)).out.split('\n')).toHaveLength(13);
}, 120_000);

test('refusals are one line', async () => {
  const { name } = tenant;
  const cases: [string[], RegExp][] = [
    [['add', 'nowhere', 'x1'], /^makhbar: There is no laboratory named "nowhere"\.\n$/],
    [['add', name, 'a b'], /^makhbar: A username takes .*\n$/],
    [['add', name, 'x1', '--role', 'god'], /^makhbar: There is no role "god"; there are administrator, .*\n$/],
    [['disable', name, 'nobody'], /^makhbar: There is no user "nobody"\.\n$/],
    [['roles', name, 'nobody'], /^makhbar: There is no user "nobody"\.\n$/],
  ];
  for (const [args, sentence] of cases)
    expect(await user(...args)).toEqual({ code: 1, out: '', err: expect.stringMatching(sentence) });
}, 60_000);

test('the settings of accounts take what makes sense, and roles that there are', async () => {
  const { name } = tenant;
  const cases: [string, string, RegExp][] = [
    ['passwordLength', '11', /takes a whole number from 12 to 64/],
    ['secondFactorRoles', 'pathologist,pathologists', /There is no role "pathologists"/],
    ['secondFactorRoles', 'Pathologist', /takes names of roles/],
  ];
  for (const [setting, value, sentence] of cases) {
    const said = await makhbar('tenant', 'set', name, setting, value);
    expect([said.code, said.err]).toEqual([1, expect.stringMatching(sentence)]);
  }
  expect((await makhbar('tenant', 'set', name, 'passwordLength', '16')).code).toBe(0);
  const { out } = await makhbar('tenant', 'set', name, 'secondFactorRoles', 'pathologist,technician', '--json');
  expect(JSON.parse(out)).toMatchObject({
    settings: { passwordLength: 16, secondFactorRoles: ['pathologist', 'technician'] },
  });
}, 60_000);
