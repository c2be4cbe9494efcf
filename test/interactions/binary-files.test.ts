/** Content and row of a Binary together or not at all: limits, broken uploads, full disks, races, orphans. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import * as disk from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { operatorCaller } from '../../src/access/caller.ts';
import { parseScopes } from '../../src/access/scopes.ts';
import { folderFiles, type Disk } from '../../src/files/folder.ts';
import type { FileStore } from '../../src/files/store.ts';
import { createLog } from '../../src/log.ts';
import type { Answer, Context, Server } from '../../src/request.ts';
import { newTrail, untracked } from '../../src/interactions/trail.ts';
import { door, serve } from '../../src/serve.ts';
import { sweepBinaryFiles } from '../../src/interactions/binary-files.ts';
import { combinedEvents } from '../../src/store/audit.ts';
import { agentNumbers } from '../../src/store/audit-agents.ts';
import { makeCombiner } from '../../src/store/combine.ts';
import { combinedReads } from '../../src/store/read.ts';
import { sql } from '../../src/store/sql.ts';
import { combinedWrites } from '../../src/store/write.ts';
import { makeMeter } from '../../src/usage/meter.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';

let folder: string;
let lab: Laboratory;
let files: FileStore;
const key = randomBytes(32);

beforeAll(async () => {
  folder = await disk.mkdtemp(join(tmpdir(), 'binary-'));
});
afterAll(() => disk.rm(folder, { recursive: true }));
beforeEach(async () => {
  lab = await makeLaboratory();
  files = folderFiles(folder);
});

function contextOf(store = files): Context {
  const database = testDatabase();
  const config = { binaryLimit: 1_000_000, bodyLimit: 100_000, keyEncryptionKey: () => key };
  const server = {
    config,
    log: createLog('silent'),
    database,
    files: store,
    writes: makeCombiner(database, combinedWrites),
    reads: makeCombiner(database, combinedReads),
    usage: makeMeter(database, createLog('silent')),
    events: makeCombiner(database, combinedEvents),
    agentNumber: agentNumbers(database),
    cursorKey: key,
  } as unknown as Server;
  const { id } = lab.tenant;
  return {
    server,
    door,
    tenant: lab.tenant,
    caller: operatorCaller({ subject: 'a', client: 'b', scopes: parseScopes('system/*.cruds') }),
    base: lab.base,
    requestId: 'r',
    address: '',
    trail: newTrail(untracked),
    session: { tenant: id, query: (statement) => database.query(id, statement) },
    inTransaction: false,
  } as Context;
}

type Sent = Iterable<Buffer> | AsyncIterable<Buffer>;

function put(context: Context, id: string, content: Sent, headers: Record<string, string> = {}): Promise<Answer> {
  const body = {
    contentType: 'text/plain',
    read: () => Promise.reject(new Error()),
    stream: () => Readable.from(content),
  };
  return serve(context, { method: 'PUT', segments: ['Binary', id], query: [], headers, body });
}

async function storedFiles(): Promise<string[]> {
  const keys: string[] = [];
  for await (const file of files.list(`${lab.tenant.id}/`)) {
    keys.push(file.key);
  }
  return keys;
}

async function rows(): Promise<number> {
  const [row] = await testDatabase().query<{ n: number }>(
    lab.tenant.id,
    sql`select (select count(*) from binary_file)::int4 + (select count(*) from resource)::int4 as n`,
  );
  return row?.n ?? -1;
}

async function expectNothing(): Promise<void> {
  expect(await storedFiles()).toEqual([]);
  expect(await rows()).toBe(0);
}

function* megabytes(count: number): Generator<Buffer> {
  for (let n = 0; n < count * 10; n += 1) {
    yield randomBytes(100_000);
  }
}

test('content over the limit is 413, whether its length was declared or not, and leaves nothing', async () => {
  await expect(put(contextOf(), 'a', megabytes(2))).rejects.toMatchObject({ issues: [{ code: 'too-long' }] });
  await expect(put(contextOf(), 'a', megabytes(2), { 'content-length': '2000000' })).rejects.toMatchObject({
    issues: [{ code: 'too-long' }],
  });
  await expectNothing();
  expect((await put(contextOf(), 'a', megabytes(1))).status).toBe(201);
});

test('a sender that hangs up is 400 and leaves nothing', async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield randomBytes(200_000);
    throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
  }
  await expect(put(contextOf(), 'a', broken())).rejects.toMatchObject({ status: 400, issues: [{ code: 'structure' }] });
  await expectNothing();
});

test('a full disk is no-store and leaves nothing', async () => {
  const full: Disk = {
    ...disk,
    open: (path, flags, mode) => (flags === 'wx' ? disk.open('/dev/full', 'w') : disk.open(path, flags, mode)),
  };
  await expect(put(contextOf(folderFiles(folder, full)), 'a', megabytes(1))).rejects.toMatchObject({
    issues: [{ code: 'no-store' }],
  });
  await expectNothing();
});

test('a database that refuses the row leaves no file', async () => {
  const context = contextOf();
  const { database } = context.server;
  const failing = { ...database, transaction: () => Promise.reject(new Error('the database is gone')) };
  const broken = { ...context, server: { ...context.server, database: failing } } as Context;
  await expect(put(broken, 'a', megabytes(1))).rejects.toThrow('the database is gone');
  await expectNothing();
});

test('of twenty updates of one version one wins, and the files are those of the two versions', async () => {
  const context = contextOf();
  await put(context, 'a', [Buffer.from('first')]);
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) => put(context, 'a', [Buffer.from(`writer ${n}`)], { 'if-match': 'W/"1"' })),
  );
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  expect(await storedFiles()).toHaveLength(2);
});

test('twenty unconditional updates all count, and each version has its content', async () => {
  const context = contextOf();
  await Promise.all(Array.from({ length: 20 }, (_, n) => put(context, 'a', [Buffer.from(`writer ${n}`)])));
  const versions = await testDatabase().query<{ ver: number }>(
    lab.tenant.id,
    sql`select distinct ver from binary_file`,
  );
  expect(versions).toHaveLength(20);
  expect(await storedFiles()).toHaveLength(20);
});

test('the sweep takes what no version names, and only when it is old', async () => {
  const context = contextOf();
  await put(context, 'a', [Buffer.from('named')]);
  const [named] = await storedFiles();
  await files.put(`${lab.tenant.id}/binary/orphan`, Buffer.from('left by a crash'));
  expect(await sweepBinaryFiles(context)).toBe(0);
  expect(await sweepBinaryFiles(context, Date.now() + 25 * 3_600_000)).toBe(1);
  expect(await storedFiles()).toEqual([named]);
});
