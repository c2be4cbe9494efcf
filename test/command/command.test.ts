/** The `makhbar` command as an operator runs it: processes of its own on a DATA_DIR of their own. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createLog } from '../../src/log.ts';
import { startEmbedded } from '../../src/store/embedded.ts';

const run = promisify(execFile);
const launcher = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
let dataDir: string;
let environment: NodeJS.ProcessEnv;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'makhbar-command-'));
  await chmod(dataDir, 0o711);
  environment = {
    PATH: process.env['PATH'],
    DATA_DIR: dataDir,
    PORT: '0',
    HL7_PORT: '0',
    ASTM_PORT: '0',
    LOG_LEVEL: 'info',
  };
  await makhbar(['tenant', 'create', 'aden', '--title', 'Aden Central']);
});
afterEach(async () => {
  await Promise.all([...children].map((child) => ended(child, 'SIGKILL')));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

interface Finished {
  code: number;
  out: string;
  err: string;
}

async function makhbar(args: string[], extra: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const options = { env: { ...environment, ...extra }, cwd: dataDir };
  try {
    const { stdout, stderr } = await run(process.execPath, [launcher, ...args], options);
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

interface Server {
  child: ChildProcess;
  url: string;
  greeting: string;
  log(): string;
}

/** Starts a server and waits for its greeting. */
async function started(args: string[] = [], extra: NodeJS.ProcessEnv = {}): Promise<Server> {
  const child = spawn(process.execPath, [launcher, 'start', ...args], {
    env: { ...environment, ...extra },
    cwd: dataDir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let greeting = '';
  let log = '';
  child.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
  for await (const chunk of child.stdout!) {
    greeting += String(chunk);
    const url = /FHIR base +(\S+)\/\{laboratory\}/.exec(greeting)?.[1];
    if (url !== undefined && greeting.includes('sign in')) return { child, url, greeting, log: () => log };
  }
  throw new Error(`no greeting: ${log}`);
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, 'exit');
  child.kill(signal);
  return ((await exit) as [number | null])[0];
}

const statusOf = async (url: string, token?: string): Promise<number> =>
  (await fetch(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })).status;

describe('beside no server', () => {
  test('tenant create, list, suspend, resume', async () => {
    expect(await makhbar(['tenant', 'create', 'tunis', '--title', 'Tunis Nord'])).toMatchObject({ code: 0, err: '' });
    const { out } = await makhbar(['tenant', 'list', '--json']);
    const made = { name: 'tunis', title: 'Tunis Nord', status: 'active' };
    expect(JSON.parse(out)).toEqual([expect.objectContaining({ name: 'aden' }), expect.objectContaining(made)]);
    await makhbar(['tenant', 'suspend', 'tunis']);
    expect((await makhbar(['tenant', 'list'])).out).toMatch(/^tunis +suspended +Tunis Nord$/m);
    expect((await makhbar(['token', 'tunis'])).err).toBe('makhbar: The laboratory tunis is suspended.\n');
    expect((await makhbar(['tenant', 'resume', 'tunis'])).out).toMatch(/tunis is active/);
  });

  const settings: [string, string, unknown][] = [
    ['requireIfMatch', 'true', true],
    ['clientIds', 'false', false],
    ['rateLimit', '600', 600],
    ['plan', 'standard', 'standard'],
    ['totalRateLimit', '9000', 9000],
    ['storageLimit', '20GB', 20_000_000_000],
    ['exportConcurrency', '2', 2],
    ['timezone', 'Africa/Tunis', 'Africa/Tunis'],
    ['sealFolder', '/nowhere/seals', '/nowhere/seals'],
    ['sealWebhook', 'https://seals.example.org/in', 'https://seals.example.org/in'],
  ];
  test('tenant set changes one setting and keeps the others', async () => {
    for (const [setting, written] of settings) {
      expect(await makhbar(['tenant', 'set', 'aden', setting, written])).toMatchObject({ code: 0, err: '' });
    }
    const [tenant] = JSON.parse((await makhbar(['tenant', 'list', '--json'])).out) as [{ settings: unknown }];
    expect(tenant.settings).toEqual(Object.fromEntries(settings.map(([setting, , value]) => [setting, value])));
    expect(await makhbar(['tenant', 'unset', 'aden', 'clientIds'])).toMatchObject({ code: 0, err: '' });
    const [without] = JSON.parse((await makhbar(['tenant', 'list', '--json'])).out) as [{ settings: object }];
    expect(Object.keys(without.settings).sort()).toEqual(
      settings
        .map(([setting]) => setting)
        .filter((setting) => setting !== 'clientIds')
        .sort(),
    );
    await makhbar(['tenant', 'set', 'aden', 'clientIds', 'true']);
    await makhbar(['tenant', 'set', 'aden', 'rateLimit', '0']);
    for (const setting of ['sealFolder', 'sealWebhook']) await makhbar(['tenant', 'set', 'aden', setting, 'none']);
  });

  const wrong: [string[], RegExp][] = [
    [['tenant', 'set', 'aden', 'smell', 'sweet'], /^makhbar: "smell" is no setting; there are clientIds, /],
    [['tenant', 'unset', 'aden', 'smell'], /^makhbar: "smell" is no setting; there are clientIds, /],
    [['tenant', 'set', 'aden', 'toString', 'red'], /^makhbar: "toString" is no setting/],
    [['tenant', 'set', 'aden', 'clientIds', 'yes'], /^makhbar: clientIds takes true or false, not "yes"\.$/m],
    [['tenant', 'set', 'aden', 'rateLimit', '-1'], /unknown option|takes a whole number/],
    [['tenant', 'set', 'aden', 'plan', 'gold'], /^makhbar: plan takes one of trial, standard, large, not "gold"\.$/m],
    [['tenant', 'set', 'aden', 'plan', 'toString'], /^makhbar: plan takes one of/],
    [['tenant', 'set', 'aden', 'storageLimit', '5 apples'], /^makhbar: storageLimit takes a size such as 500MB/],
    [['tenant', 'set', 'aden', 'sealFolder', 'seals'], /^makhbar: sealFolder takes an absolute path, or none/],
    [['tenant', 'set', 'aden', 'sealWebhook', 'http://10.0.0.1/x'], /^makhbar: sealWebhook takes an https address/],
    [['tenant', 'set', 'aden', 'sealWebhook', 'https://u:p@example.org/'], /^makhbar: sealWebhook takes/],
    [['tenant', 'usage', 'nowhere'], /^makhbar: There is no laboratory named "nowhere"\.$/m],
    [['tenant', 'usage', 'aden', '--from', 'May'], /^makhbar: from: "May" is no day/],
    [['tenant', 'set', 'aden', 'timezone', 'Mars/Olympus'], /^makhbar: timezone takes a time zone such as/],
    [['tenant', 'set', 'nowhere', 'clientIds', 'true'], /^makhbar: There is no laboratory named "nowhere"\.$/m],
    [['tenant', 'create', 'Aden'], /^makhbar: "Aden" cannot be the name of a laboratory/],
    [['tenant', 'create', 'aden'], /^makhbar: A laboratory named "aden" exists already\.$/m],
    [['tenant', 'suspend', 'nowhere'], /^makhbar: There is no laboratory named "nowhere"\.$/m],
    [['token', 'nowhere'], /^makhbar: There is no laboratory named "nowhere"\.$/m],
    [['token', 'aden', '--scope', 'everything'], /^makhbar: "everything" is no scope/],
    [['token', 'aden', '--ttl', '4000'], /^makhbar: A token lives from 1 to 3600 seconds/],
    [['start', '--only', 'everything'], /Roles are http, gateways, jobs/],
    [['start', '--workers', '0'], /whole number above 0/],
    [['frobnicate'], /unknown command/],
  ];
  test.each(wrong)('%j: one clear line and exit code 1', async (args, sentence) => {
    const { code, out, err } = await makhbar(args);
    expect({ code, out, err }).toEqual({ code: 1, out: '', err: expect.stringMatching(sentence) });
  });

  const unusable: [NodeJS.ProcessEnv, RegExp][] = [
    [{ PORT: 'eighty' }, /^makhbar: PORT=eighty is not usable: .*\n$/],
    [
      { DATABASE_URL: 'postgres://u:hidden@127.0.0.1:1/d' },
      /^makhbar: PostgreSQL at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\).*\n$/,
    ],
    [{ HOST: '192.0.2.1' }, /cannot listen on 192\.0\.2\.1:0: this machine does not have that address/],
    [
      { DATA_DIR: '/dev/null/x' },
      /^makhbar: The data directory \/dev\/null\/x cannot be created or opened \(ENOTDIR\)\.\n$/,
    ],
  ];
  test.each(unusable)('start with %j: one clear line and exit code 1', async (extra, sentence) => {
    const { code, err } = await makhbar(['start'], { LOG_LEVEL: 'silent', ...extra });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(sentence) });
    expect(err).not.toContain('hidden');
  });
});

describe('a running server', () => {
  test('greets, is signed in to, notices a suspension, and stops on SIGTERM', async () => {
    const server = await started();
    expect(server.greeting).toContain('npx makhbar token aden');
    expect(await statusOf(`${server.url}/healthz`)).toBe(200);
    expect(await statusOf(`${server.url}/readyz`)).toBe(200);
    const created = await makhbar(['tenant', 'create', 'basra', '--json']);
    expect(JSON.parse(created.out)).toMatchObject({ name: 'basra' });
    const token = (await makhbar(['token', 'basra', '--scope', 'system/Patient.r'])).out.trim();
    expect(await statusOf(`${server.url}/basra/fhir/Patient/none`, token)).toBe(404);
    expect(await statusOf(`${server.url}/basra/fhir/Observation/none`, token)).toBe(403);
    expect(await statusOf(`${server.url}/basra/fhir/Patient/none`)).toBe(401);
    expect(await statusOf(`${server.url}/aden/fhir/Patient/none`, token)).toBe(401);
    await makhbar(['tenant', 'suspend', 'basra']);
    await until(async () => (await statusOf(`${server.url}/basra/fhir/Patient/none`, token)) === 403);
    await statusOf(`${server.url}/aden/fhir/Patient?name=Haddad&_format=json`, token);
    expect(await ended(server.child, 'SIGTERM')).toBe(0);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    // Stored at the end at the latest, and told of a suspended laboratory too.
    const usage = JSON.parse((await makhbar(['tenant', 'usage', 'basra', '--json'])).out) as {
      total: Record<string, number>;
    };
    expect(usage.total['requests-read']).toBeGreaterThanOrEqual(2);
    expect((await makhbar(['tenant', 'usage', 'basra'])).out).toMatch(/^ +requests-read +\d+ +reads/m);
    const lines = server
      .log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const requests = lines.filter(({ msg }) => msg === 'request');
    expect(requests).toContainEqual(
      expect.objectContaining({ method: 'GET', status: 404, tenant: 'basra', type: 'Patient' }),
    );
    for (const secret of ['none', 'Haddad', token, token.split('.')[2]!]) expect(server.log()).not.toContain(secret);
  });

  test('a second one on the same data says so and leaves the first alone', async () => {
    const first = await started();
    const second = await makhbar(['start'], { LOG_LEVEL: 'silent' });
    expect(second).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^makhbar: Another Makhbar process is running on .*\n$/),
    });
    expect(await statusOf(`${first.url}/readyz`)).toBe(200);
    expect(await ended(first.child, 'SIGINT')).toBe(0);
  });

  test('starts again after kill -9', async () => {
    const first = await started();
    await ended(first.child, 'SIGKILL');
    const second = await started();
    expect(await statusOf(`${second.url}/readyz`)).toBe(200);
    expect((await makhbar(['tenant', 'list'])).out).toMatch(/^aden /m);
    expect(await ended(second.child, 'SIGTERM')).toBe(0);
  });

  test('answers a request that is under way before it stops', async () => {
    const server = await started();
    const token = (await makhbar(['token', 'aden'])).out.trim();
    const body = new TransformStream<Uint8Array, Uint8Array>();
    const writer = body.writable.getWriter();
    const answer = fetch(`${server.url}/aden/fhir/Patient`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
      body: body.readable,
      duplex: 'half',
    } as RequestInit);
    await writer.write(Buffer.from('{"resourceType":'));
    await new Promise((done) => setTimeout(done, 200));
    const stopped = ended(server.child, 'SIGTERM');
    await new Promise((done) => setTimeout(done, 200));
    await writer.write(Buffer.from('"Patient"}'));
    await writer.close();
    expect((await answer).status).toBe(201);
    expect(await stopped).toBe(0);
  });

  test('ends with 1 and says so when PostgreSQL dies under it', async () => {
    const server = await started();
    const exit = once(server.child, 'exit');
    const [pid] = (await readFile(join(dataDir, 'postgresql/postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(pid), 'SIGKILL');
    expect(await exit).toEqual([1, null]);
    children.delete(server.child);
    const next = await started();
    expect(await statusOf(`${next.url}/readyz`)).toBe(200);
    expect(await ended(next.child, 'SIGTERM')).toBe(0);
  });

  test('on DATABASE_URL, as an owner without superuser rights', async () => {
    const postgres = await startEmbedded({ dataDir: join(dataDir, 'elsewhere'), log: createLog('silent') });
    try {
      const own = { DATABASE_URL: postgres.url, DATA_DIR: join(dataDir, 'keys') };
      const server = await started([], own);
      const token = (await makhbar(['token', 'demo'], own)).out.trim();
      const answer = await fetch(`${server.url}/demo/fhir/Patient`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
        body: '{"resourceType":"Patient"}',
      });
      expect(answer.status).toBe(201);
      const further = await started([], own);
      expect(await statusOf(answer.headers.get('location')!.replace(server.url, further.url), token)).toBe(200);
      expect(await ended(server.child, 'SIGTERM')).toBe(0);
      expect(await ended(further.child, 'SIGTERM')).toBe(0);
    } finally {
      await postgres.stop();
    }
  });

  test('with two workers: one port, both answer, a dead one is replaced, all end', async () => {
    const server = await started(['--workers', '2']);
    const pids = async (): Promise<string[]> => {
      const { stdout } = await run('ps', ['-o', 'pid=,args=', '--ppid', String(server.child.pid)]);
      return stdout
        .split('\n')
        .filter((line) => line.includes('makhbar.js'))
        .map((line) => line.trim().split(' ')[0]!);
    };
    const before = await pids();
    expect(before).toHaveLength(2);
    expect(await statusOf(`${server.url}/readyz`)).toBe(200);
    await Promise.all(Array.from({ length: 40 }, () => statusOf(`${server.url}/aden/fhir/Patient/none`)));
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(/^makhbar_request_duration_seconds_count\{[^}]*4xx[^}]*\} (\d+)$/m.exec(metrics)?.[1]).toBe('40');
    process.kill(Number(before[0]), 'SIGKILL');
    await until(async () => (await pids()).some((pid) => !before.includes(pid)));
    await until(async () => (await statusOf(`${server.url}/readyz`)) === 200);
    expect(await ended(server.child, 'SIGTERM')).toBe(0);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });
});

test('an older Node hands over to the installed one', async () => {
  const older = (await run('bash', ['-c', 'type -ap node']).catch(() => ({ stdout: '' }))).stdout
    .split('\n')
    .find((path) => path !== '' && !path.includes('node_modules'));
  const version = older === undefined ? '' : (await run(older, ['--version'])).stdout;
  if (!/^v(18|20|22)\./.test(version)) {
    process.stderr.write('command.test.ts: no older Node on this machine; the hand-over was not tested.\n');
    return;
  }
  const { stdout } = await run(older!, [launcher, 'tenant', 'list'], { env: environment, cwd: dataDir });
  expect(stdout).toMatch(/^aden /m);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((done) => setTimeout(done, 100));
  }
}
