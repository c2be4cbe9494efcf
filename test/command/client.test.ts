/** The commands for applications and keys, beside a running server; and what the first start prints of signing in. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeKeys } from '../identity/key-pairs.ts';
import { askToken } from '../identity/app.ts';
import { makeLaboratory, testServer, type Laboratory } from '../server.ts';

const run = promisify(execFile);
const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
});

async function makhbar(...args: string[]): Promise<{ out: string; err: string; code: number }> {
  const { databaseUrl, dataDir } = testServer();
  const env = { ...process.env, DATABASE_URL: databaseUrl, DATA_DIR: dataDir };
  try {
    const { stdout, stderr } = await run(process.execPath, [launcher, ...args], { env, cwd: dataDir });
    return { out: stdout, err: stderr, code: 0 };
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
    return { out: stdout, err: stderr, code };
  }
}

describe('client', () => {
  test('add, list, secret, revoke', async () => {
    const { name } = lab.tenant;
    const redirect = ['--redirect', 'https://app.example.org/cb', '--redirect', 'https://app.example.org/cb2'];
    const added = await makhbar(
      'client',
      'add',
      name,
      '--kind',
      'confidential',
      '--name',
      'Portal',
      ...redirect,
      '--json',
    );
    expect(added).toMatchObject({ code: 0, err: '' });
    const made = JSON.parse(added.out) as { id: string; secret: string; metadata: unknown };
    expect(made.metadata).toEqual({ redirectUris: ['https://app.example.org/cb', 'https://app.example.org/cb2'] });
    const list = await makhbar('client', 'list', name, '--json');
    expect(list.out).toContain(made.id);
    expect(list.out).not.toMatch(/secret/i);
    const again = JSON.parse((await makhbar('client', 'secret', name, made.id, '--json')).out) as { secret: string };
    const app = { lab, issuer: lab.base.replace(/\/fhir$/, ''), clientId: made.id, redirectUri: '' };
    const fields = { grant_type: 'refresh_token', refresh_token: 'none' };
    expect((await askToken({ ...app, secret: made.secret }, fields)).body['error']).toBe('invalid_client');
    expect((await askToken({ ...app, secret: again.secret }, fields)).body['error']).toBe('invalid_grant');
    expect((await makhbar('client', 'revoke', name, made.id)).out).toMatch(/is revoked/);
    expect((await askToken({ ...app, secret: again.secret }, fields)).body['error']).toBe('invalid_client');
    expect((await makhbar('client', 'list', name)).out).toMatch(/revoked +Portal/);
  });

  test('add with a file of keys; rotate the laboratory’s own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'makhbar-keys-'));
    const file = join(folder, 'jwks.json');
    writeFileSync(file, JSON.stringify({ keys: [(await makeKeys('ES384')).publicJwk] }));
    const scope = ['--scope', 'system/*.rs'];
    const { name } = lab.tenant;
    const added = await makhbar(
      'client',
      'add',
      name,
      '--kind',
      'backend',
      '--name',
      'Warehouse',
      '--jwks',
      file,
      ...scope,
    );
    expect(added).toMatchObject({ code: 0, err: '' });
    expect(added.out).toMatch(/^client id +backend-/);
    await rm(folder, { recursive: true });
    expect((await makhbar('keys', 'rotate', name)).out).toMatch(/signs with new keys/);
  });

  const wrong: [string, string[], RegExp][] = [
    ['no such kind', ['--kind', 'other', '--name', 'x'], /no kind of client/],
    ['no redirect URI', ['--kind', 'public', '--name', 'x'], /needs a redirect URI/],
    [
      'http elsewhere',
      ['--kind', 'public', '--name', 'x', '--redirect', 'http://x.example/'],
      /cannot be a redirect URI/,
    ],
    [
      'a wildcard',
      ['--kind', 'public', '--name', 'x', '--redirect', 'https://*.example.org/'],
      /cannot be a redirect URI/,
    ],
    ['no keys', ['--kind', 'backend', '--name', 'x', '--scope', 'system/*.rs'], /needs its public keys/],
    [
      'a scope of people',
      ['--kind', 'backend', '--name', 'x', '--scope', 'user/*.rs', '--jwks-uri', 'https://x.example/j'],
      /takes system\/ scopes/,
    ],
    [
      'a file that is not there',
      ['--kind', 'backend', '--name', 'x', '--scope', 'system/*.rs', '--jwks', 'nowhere'],
      /cannot be read/,
    ],
  ];
  test.each(wrong)('is not added with %s', async (_, args, sentence) => {
    const { code, err } = await makhbar('client', 'add', lab.tenant.name, ...args);
    expect(code).toBe(1);
    expect(err).toMatch(sentence);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});

test('the first start prints a link with which the administrator of demo chooses a password', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'makhbar-first-'));
  await chmod(dataDir, 0o711);
  const env = {
    ...process.env,
    DATA_DIR: dataDir,
    PORT: '0',
    HL7_PORT: '0',
    ASTM_PORT: '0',
    LOG_LEVEL: 'error',
    DATABASE_URL: '',
  };
  const child = spawn(process.execPath, [launcher, 'start'], {
    env,
    cwd: dataDir,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let greeting = '';
    for await (const chunk of child.stdout) {
      greeting += String(chunk);
      if (greeting.includes('access token')) break;
    }
    const link = /as admin; choose a password once at (\S+)/.exec(greeting)?.[1] ?? '';
    const page = await fetch(link);
    expect(page.status).toBe(200);
    expect(await page.text()).toMatch(/name="password"/);
  } finally {
    const exit = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await exit;
    await rm(dataDir, { recursive: true, force: true });
  }
}, 60_000);
