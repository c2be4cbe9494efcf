/**
 * `makhbar import <DIR|FILE> --tenant <name>`: NDJSON files into a laboratory, as $import does it (importing/step.ts), in this
 * process, with its progress. Exit code 1 where lines were refused.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import { thing } from '../audit/security.ts';
import { contextFor } from '../exporting/context.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { endOf } from '../importing/end.ts';
import { importJson, type ImportRequest } from '../importing/request.ts';
import { limited, storeSource } from '../importing/sources.ts';
import { importSome } from '../importing/step.ts';
import { announce } from '../interactions/announce.ts';
import { createLog } from '../log.ts';
import type { Context } from '../request.ts';
import { shared } from '../start/http.ts';
import { beginImport, listRefusals, readImport, type BulkImport } from '../store/imports.ts';
import type { Session } from '../store/pool.ts';
import { makeTenantCache } from '../store/tenant-cache.ts';
import { print, withDatabase, type Output } from './connect.ts';

export interface ImportOptions extends Output {
  readonly tenant: string;
  readonly match?: 'id' | 'identifier';
  readonly reportOnly?: boolean;
}

/** Milliseconds between two reports of progress. */
const step = 1_000;
/** Refused lines that are shown. */
const shown = 20;

export async function importCommand(path: string, options: ImportOptions): Promise<void> {
  const paths = await filesOf(path);
  const { made, outcomes } = await within(options, paths, async (context, id) => {
    for (
      let row = await readImport(context.session, id);
      row !== undefined;
      row = await readImport(context.session, id)
    ) {
      if (options.json !== true) process.stderr.write(`\r${progressOf(row)}`);
      if (!(await importSome({ context, made: row, until: Date.now() + step }))) break;
    }
    if (options.json !== true) process.stderr.write('\n');
  });
  const { counts, refused } = made;
  const lines = [
    ...Object.entries(counts).map(([type, count]) => `${type}: ${count}`),
    `refused lines: ${refused}`,
    ...outcomes,
  ];
  print(options, { id: made.id, counts, refused, outcomes }, lines.join('\n'));
  if (refused > 0) process.exitCode = 1;
}

function progressOf({ place, counts, refused }: BulkImport): string {
  const stored = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return `${place?.phase ?? 'reading'}: ${stored} resources, ${refused} lines refused`.padEnd(70);
}

/** In the order of their names. @throws OutcomeError where there is none */
async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => {
    throw outcomeError('not-found', `${path} cannot be read.`);
  });
  if (!found.isDirectory()) return [path];
  // A package has them in a folder of their own.
  const packed = (await readdir(path)).includes('manifest.json') ? join(path, 'resources') : path;
  if (packed !== path) return filesOf(packed);
  const names = (await readdir(path)).filter((name) => /\.ndjson(\.gz)?$/.test(name)).sort();
  if (names.length === 0) throw outcomeError('not-found', `${path} has no files *.ndjson or *.ndjson.gz.`);
  return names.map((name) => join(path, name));
}

async function within(
  options: ImportOptions,
  paths: readonly string[],
  work: (context: Context, id: string) => Promise<void>,
): Promise<{ made: BulkImport; outcomes: string[] }> {
  return withDatabase(async (database, config) => {
    const tenant = await makeTenantCache(database).find(options.tenant);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${options.tenant}".`);
    const server = shared(config, database, createLog('silent'));
    const caller = operatorCaller({ subject: 'operator', client: 'makhbar', scopes: parseScopes('system/*.cruds') });
    const request: ImportRequest = {
      url: '',
      base: `${config.publicUrl ?? ''}/${tenant.name}/fhir`,
      sources: paths.map((name) => ({ name: basename(name) })),
      dryRun: options.reportOnly === true,
      match: options.match ?? 'id',
      caller,
    };
    const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
    const id = randomUUID();
    const context = contextFor({ server, tenant, session, request, id });
    const { subject, client } = caller;
    await announce(server, tenant, {
      kind: 'import-requested',
      deed: 'makhbar import',
      agent: { subject, client },
      further: [thing('process', `import ${id}`)],
    });
    await beginImport(session, { id, subject, client, request: importJson(request) }, false);
    try {
      for (const [file, name] of paths.entries()) await storeFile(context, id, file, name);
      await work(context, id);
      await endOf(context, id, undefined);
    } catch (error) {
      await endOf(context, id, error instanceof Error ? error.message : 'unknown');
      throw error;
    } finally {
      await server.usage.flush();
    }
    const made = await readImport(session, id);
    if (made === undefined) throw outcomeError('not-found', 'The import was cancelled.');
    const outcomes = (await listRefusals(session, id, { file: -1, line: 0 })).slice(0, shown);
    return { made, outcomes: outcomes.map(({ outcome }) => outcome) };
  });
}

async function storeFile(context: Context, id: string, file: number, name: string): Promise<void> {
  const raw = createReadStream(name);
  // A file of the operator's own disk is as long as it is; what comes out of a compressed one, nobody knows before.
  const content = name.endsWith('.gz')
    ? limited(raw.pipe(createGunzip()), context.server.config.binaryLimit, name)
    : raw;
  await storeSource(context, id, file, content);
}
