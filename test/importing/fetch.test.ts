/** What an import fetches: only from listed origins, no further than they lead themselves, no more than it may have. */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { operatorCaller } from '../../src/access/caller.ts';
import { parseScopes } from '../../src/access/scopes.ts';
import { readConfig } from '../../src/config.ts';
import { contextFor } from '../../src/exporting/context.ts';
import { endOf } from '../../src/importing/end.ts';
import { linesOf } from '../../src/importing/lines.ts';
import { importJson, type ImportRequest } from '../../src/importing/request.ts';
import { importSome } from '../../src/importing/step.ts';
import { createLog } from '../../src/log.ts';
import type { Context } from '../../src/request.ts';
import { shared } from '../../src/start/http.ts';
import { beginImport, readImport } from '../../src/store/imports.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';

let files: HttpServer;
let origin: string;
let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  files = createServer((request, response) => {
    const patient = (id: string): string => `${JSON.stringify({ resourceType: 'Patient', id })}\n`;
    const url = request.url ?? '';
    if (url === '/patients') response.end(patient('a') + patient('b'));
    else if (url === '/zipped') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(patient('z')));
    else if (url === '/bomb')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(3_000_000, ' ')));
    else if (url === '/away') response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    else if (url === '/manifest')
      response.end(JSON.stringify({ output: [{ type: 'Patient', url: `${origin}/patients` }] }));
    else if (url === '/inside') response.end(JSON.stringify({ output: [{ url: 'http://169.254.169.254/' }] }));
    else if (url === '/garbage') response.end('no manifest');
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => {
    files.listen(0, '127.0.0.1', () => resolve());
  });
  origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
});

afterAll(() => {
  files.closeAllConnections();
  files.close();
});

/** Runs an import in this process, whose configuration lists the origin of the files. */
async function imported(
  asked: Pick<ImportRequest, 'sources' | 'manifest'>,
  steps = Infinity,
): Promise<Record<string, unknown>> {
  const { dataDir } = testServer();
  const config = readConfig({ DATA_DIR: dataDir, IMPORT_ORIGINS: origin, BINARY_LIMIT: '1MB' });
  const server = shared(config, testDatabase(), createLog('silent'));
  const caller = operatorCaller({ subject: 'o', client: 'o', scopes: parseScopes('system/*.cruds') });
  const request: ImportRequest = { url: '', base: lab.base, dryRun: false, match: 'id', caller, ...asked };
  const session: Context['session'] = {
    tenant: lab.tenant.id,
    query: (statement) => testDatabase().query(lab.tenant.id, statement),
  };
  const id = randomUUID();
  await beginImport(session, { id, subject: 'o', client: 'o', request: importJson(request) }, false);
  const context = contextFor({ server, tenant: lab.tenant, session, request, id });
  for (let n = 0; n < steps; n++) {
    const made = await readImport(session, id);
    if (made === undefined || !(await importSome({ context, made, until: Date.now() }))) break;
  }
  await endOf(context, id, undefined);
  return { ...(await readImport(session, id)) };
}

test.each([
  ['a file', { sources: [{ url: '/patients', type: 'Patient' }] }, 2],
  ['a file that is zipped on its way', { sources: [{ url: '/zipped' }] }, 1],
  ['several', { sources: [{ url: '/patients' }, { url: '/zipped' }] }, 3],
  ['what a manifest names', { sources: [], manifest: '/manifest' }, 2],
])('%s', async (_, { sources, manifest }: { sources: { url: string; type?: string }[]; manifest?: string }, count) => {
  const whole = sources.map((source) => ({ ...source, url: `${origin}${source.url}` }));
  const made = await imported({ sources: whole, ...(manifest !== undefined && { manifest: `${origin}${manifest}` }) });
  expect(made).toMatchObject({ state: 'complete', counts: { Patient: count }, refused: 0 });
});

test('a file of another type than it is said to have', async () => {
  const made = await imported({ sources: [{ url: `${origin}/patients`, type: 'Observation' }] });
  expect(made).toMatchObject({ counts: {}, refused: 2 });
});

test.each([
  ['a redirect', '/away', 'could not be fetched'],
  ['what unpacks to more than a file may have', '/bomb', 'more than 1'],
  ['what is not there', '/none', 'answered 404'],
])('%s is refused', async (_, url, said) => {
  await expect(imported({ sources: [{ url: `${origin}${url}` }] })).rejects.toThrow(said);
});

test.each([
  ['another origin', 'http://127.0.0.1:1/manifest', 'IMPORT_ORIGINS'],
  ['a manifest that leads inside', '/inside', 'IMPORT_ORIGINS'],
  ['no manifest', '/garbage', 'no JSON'],
])('%s is refused', async (_, url, said) => {
  const manifest = url.startsWith('/') ? `${origin}${url}` : url;
  await expect(imported({ sources: [], manifest })).rejects.toThrow(said);
});

test('lines are the same wherever the bytes are cut', async () => {
  const text = Buffer.from('a\n\nbcd\né\n0123456789\nend');
  const whole = ['a', '', 'bcd', 'é', undefined, 'end'];
  for (let cut = 0; cut <= text.length; cut++) {
    const parts = [text.subarray(0, cut), text.subarray(cut)].filter(({ length }) => length > 0);
    const lines = [];
    let end = 0;
    for await (const line of linesOf(streamOf(parts), 0, 5)) {
      lines.push(line.bytes?.toString());
      ({ end } = line);
    }
    expect([cut, lines, end]).toEqual([cut, whole, text.length]);
  }
});

async function* streamOf(parts: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(part);
}
