/** The suite judges a server that does everything wrong: it must say so, or its green means nothing. */
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from '../../conformance/client.ts';
import { judge, type Judgement } from '../../conformance/judge.ts';
import { failuresOf, tableOf } from '../../conformance/report.ts';
import { sections } from '../../conformance/sections.ts';

const claims = [
  'read',
  'vread',
  'update',
  'patch',
  'delete',
  'create',
  'search-type',
  'history-instance',
  'history-type',
];
const flags = {
  updateCreate: true,
  conditionalCreate: true,
  conditionalUpdate: true,
  conditionalDelete: 'single',
  conditionalRead: 'full-support',
};
const resource = ['Patient', 'Observation', 'Binary'].map((type) => ({
  type,
  ...flags,
  interaction: claims.map((code) => ({ code })),
}));
const system = ['transaction', 'batch', 'search-system', 'history-system'].map((code) => ({ code }));
const statement = {
  resourceType: 'CapabilityStatement',
  format: ['json', 'xml'],
  patchFormat: ['application/json-patch+json', 'application/fhir+json'],
  rest: [{ resource, interaction: system }],
};

/** Claims everything, and answers everything with 500 and a constant. */
function startLiar(): Promise<Server> {
  const server = createServer((request, response) => {
    const metadata = request.url?.startsWith('/metadata') === true;
    response.writeHead(metadata ? 200 : 500, { 'content-type': 'application/fhir+json' });
    response.end(JSON.stringify(metadata ? statement : { resourceType: 'Basic' }));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe('a server that claims all and does nothing', () => {
  let server: Server;
  let judgement: Judgement;

  beforeAll(async () => {
    server = await startLiar();
    const { port } = server.address() as AddressInfo;
    judgement = await judge(connect(`http://127.0.0.1:${port}`, 'token'), sections);
  });

  afterAll(() => {
    server.close();
  });

  test('passes no case of reading, writing, searching or history', () => {
    const passed = judgement.verdicts.filter((verdict) => verdict.result === 'pass').map((verdict) => verdict.section);
    const excused = ['capabilities', 'custom-headers', 'update-as-create', 'format', 'head', 'versioning'];
    expect(passed.filter((section) => !excused.includes(section))).toEqual([]);
  });

  test('fails the run, more so when strict', () => {
    const [lenient, strict] = [failuresOf(judgement, false), failuresOf(judgement, true)];
    expect(lenient.length).toBeGreaterThan(150);
    expect(strict.length).toBeGreaterThan(lenient.length);
    expect(lenient.every((verdict) => verdict.level === 'SHALL')).toBe(true);
  });

  test('is shown in a table with the reason under each case', () => {
    const table = tableOf(judgement);
    expect(table).toContain('http.html#read: the resource of the URL is returned with 200');
    expect(table).toMatch(/POST http:\/\/127\.0\.0\.1:\d+\/Patient: expected 201, got 500/);
    expect(table).toMatch(/\d+ cases: \d+ passed, \d+ skipped, \d+ SHALL failed, \d+ SHOULD failed/);
  });

  test('makes the command end with 1, and says all as JSON on demand', async () => {
    const { port } = server.address() as AddressInfo;
    const [code, output] = await run(
      '--base',
      `http://127.0.0.1:${port}/`,
      '--only',
      'read',
      '--only',
      'vread',
      '--json',
    );
    const { verdicts } = JSON.parse(output) as Judgement;
    expect([code, new Set(verdicts.map((verdict) => verdict.section))]).toEqual([1, new Set(['read', 'vread'])]);
  });
});

test('a command without a base, with a section that does not exist, or a server that is not there ends with 2', async () => {
  const nowhere = ['--base', 'http://127.0.0.1:1/fhir'];
  for (const options of [[], [...nowhere, '--only', 'nothing'], nowhere]) {
    expect((await run(...options))[0]).toBe(2);
  }
});

/** The exit code of the command and its standard output. */
function run(...options: readonly string[]): Promise<[number, string]> {
  const file = new URL('../../conformance/run.ts', import.meta.url).pathname;
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...options], (error, stdout) => resolve([Number(error?.code ?? 0), stdout]));
  });
}
