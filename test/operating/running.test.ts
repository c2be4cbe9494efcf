/**
 * A server as its operator meets it, on a database of its own (DATABASE_URL): laboratories by subdomain, a log without
 * patients in it, and what it says when the database goes away.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseScopes } from '../../src/access/scopes.ts';
import { readConfig } from '../../src/config.ts';
import { issueToken } from '../../src/identity/token.ts';
import { createLog } from '../../src/log.ts';
import { startEmbedded, type Embedded } from '../../src/store/embedded.ts';
import { openDatabase } from '../../src/store/pool.ts';
import { findTenant } from '../../src/store/tenants.ts';

const command = new URL('../../src/command/makhbar.js', import.meta.url).pathname;
let directory: string;
let postgres: Embedded;
let server: ChildProcess;
let port: number;
let token: string;
const log: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'makhbar-operating-'));
  await chmod(directory, 0o711);
  postgres = await startEmbedded({ dataDir: directory, log: createLog('silent') });
  server = spawn(process.execPath, [command, 'start'], {
    cwd: directory,
    env: {
      ...process.env,
      DATABASE_URL: postgres.url,
      DATA_DIR: directory,
      PORT: '0',
      HL7_PORT: '0',
      ASTM_PORT: '0',
      BASE_DOMAIN: 'lab.test',
      LOG_LEVEL: 'trace',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  createInterface(server.stderr!).on('line', (line) => log.push(line));
  for await (const line of createInterface(server.stdout!)) {
    port = Number(/FHIR base\s+http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
    if (port > 0) break;
  }
  server.stdout!.resume();
  token = await makeToken();
}, 120_000);

afterAll(async () => {
  if (server.exitCode === null) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

async function makeToken(): Promise<string> {
  const database = openDatabase({ url: postgres.url, connections: 2, statementTimeout: 10_000 });
  const keyEncryptionKey = readConfig({ DATA_DIR: directory }).keyEncryptionKey();
  const tenant = await findTenant(database, 'demo');
  const issued = await issueToken({ database, keyEncryptionKey }, tenant!, { scopes: parseScopes('system/*.cruds') });
  await database.close();
  return issued.token;
}

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

async function ask(path: string, options: { method?: string; host?: string; body?: string } = {}): Promise<Answer> {
  const headers = {
    host: options.host ?? `127.0.0.1:${port}`,
    authorization: `Bearer ${token}`,
    'content-type': 'application/fhir+json',
    'x-request-id': 'from-the-test',
  };
  const outgoing = request({ host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers });
  outgoing.end(options.body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: await text(incoming) };
}

/** What must never stand in a log: values of a patient, in the body, the path and the query. */
const secrets = ['Zubayrsecretfamily', 'mrn-secret-4711', '1987-03-09', 'id-secret-1', 'bearer-secret'];

describe('a laboratory at its own subdomain', () => {
  test('is reached without its name in the path, and links lead back there', async () => {
    const created = await ask('/fhir/Patient', { method: 'POST', host: `demo.lab.test:${port}`, body: patient() });
    expect(created.status).toBe(201);
    expect(created.headers['location']).toMatch(new RegExp(`^http://demo\\.lab\\.test:${port}/fhir/Patient/`));
    const found = await ask(new URL(created.headers['location'] ?? '').pathname, { host: `demo.lab.test:${port}` });
    expect(found.status).toBe(200);
  });

  test.each([
    ['nobody.lab.test', 404],
    ['demo.elsewhere.test', 404],
  ])('%s is no laboratory', async (host, status) => {
    expect((await ask('/fhir/Patient', { host })).status).toBe(status);
  });
});

function patient(): string {
  return JSON.stringify({
    resourceType: 'Patient',
    identifier: [{ system: 'urn:mrn', value: 'mrn-secret-4711' }],
    name: [{ family: 'Zubayrsecretfamily' }],
    birthDate: '1987-03-09',
  });
}

test('the log names each request and holds nothing of a patient, whatever went wrong', async () => {
  const asked = [
    await ask('/demo/fhir/Patient', { method: 'POST', body: patient() }),
    await ask('/demo/fhir/Patient/id-secret-1', { method: 'PUT', body: patient() }),
    await ask('/demo/fhir/Patient/id-secret-1'),
    await ask('/demo/fhir/Patient?name=Zubayrsecretfamily&birthdate=1987-03-09'),
    await ask('/demo/fhir/Patient?identifier=mrn-secret-4711&nonsense=Zubayrsecretfamily'),
    await ask('/demo/fhir/Patient', { method: 'POST', body: patient().replace('}]', '') }),
    await ask('/demo/fhir/Zubayrsecretfamily/1'),
    await ask('/Zubayrsecretfamily/fhir/Patient'),
    await ask('/mrn-secret-4711/fhir/Patient'),
  ];
  expect(asked.map(({ status }) => status)).toEqual([201, 400, 404, 200, 400, 400, 404, 404, 404]);
  await untilLogged(asked.length);
  expect(log.filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([]);
  expect(log.every((line) => typeof (JSON.parse(line) as { level: unknown }).level === 'string')).toBe(true);
});

test('without its database it is alive, not ready, and answers 503 with a sentence', async () => {
  expect((await ask('/readyz')).status).toBe(200);
  await postgres.stop();
  expect((await ask('/healthz')).status).toBe(200);
  expect((await ask('/readyz')).status).toBe(503);
  const answer = await ask('/demo/fhir/Patient');
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
    503,
    { resourceType: 'OperationOutcome', issue: [{ code: 'transient' }] },
  ]);
}, 60_000);

/** Lines reach us through a pipe, a moment after the answer. */
async function untilLogged(lines: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (log.filter((line) => line.includes('from-the-test')).length >= lines) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Fewer than ${lines} requests were logged.`);
}
