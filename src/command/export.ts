/**
 * `makhbar export --tenant <name> --out <DIR>`: all of a laboratory as the files that $export makes, NDJSON or messages, into a
 * folder, in this process, with its progress. Run again it goes on where it ended; what is complete stays as it is.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import { keptFigures, thing } from '../audit/security.ts';
import { formats, type FormatName } from '../exporting/archive/format.ts';
import { contextFor } from '../exporting/context.ts';
import { writePieces } from '../exporting/files.ts';
import { contentOf, frameOf, partsOf, piecesOf, type Part } from '../exporting/parts.ts';
import type { ExportRequest } from '../exporting/request.ts';
import { isResourceType, resourceTypes } from '../fhir/definitions.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { announce } from '../interactions/announce.ts';
import { createLog } from '../log.ts';
import type { Context } from '../request.ts';
import { shared } from '../start/http.ts';
import { momentAndRunning, runningTransactions } from '../store/exports.ts';
import { typesPresent } from '../store/export-rows.ts';
import type { Session } from '../store/pool.ts';
import { makeTenantCache } from '../store/tenant-cache.ts';
import { print, withDatabase, type Output } from './connect.ts';
import {
  digestOf,
  openFolder,
  storeManifest,
  storeState,
  writeWhole,
  type FolderFile,
  type FolderManifest,
  type State,
} from './export-folder.ts';

export interface ExportOptions extends Output {
  readonly tenant: string;
  readonly out: string;
  readonly format: FormatName;
  readonly type?: readonly string[];
}

/** Milliseconds after which a file ends: as much is written again at most. */
const longestFile = 60_000;

export async function exportCommand(options: ExportOptions): Promise<void> {
  const types = typesOf(options);
  const asked = { tenant: options.tenant, format: options.format, types };
  const { state, manifest } = await openFolder(options.out, asked);
  const made = manifest ?? (await exported(options, { types, state }));
  const outputs = made.files.filter(({ kind }) => kind === 'output');
  const lines = [...counted(outputs)].map(([type, count]) => `${type}: ${count}`);
  const missing = made.files.filter(({ kind }) => kind === 'error').map(({ name }) => name);
  if (missing.length > 0) lines.push(`What is not in it: ${missing.join(', ')}`);
  print(options, made, [`${options.out} is complete as of ${made.transactionTime}.`, ...lines].join('\n'));
}

function typesOf({ type = [] }: ExportOptions): string[] {
  const unknown = type.find((one) => !isResourceType(one));
  if (unknown !== undefined) throw outcomeError('value', `${unknown.slice(0, 80)} is no resource type of FHIR R4.`);
  return [...new Set(type)];
}

function counted(files: readonly FolderFile[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { type, count } of files) counts.set(type, (counts.get(type) ?? 0) + count);
  return counts;
}

interface Begun {
  readonly types: readonly string[];
  readonly state: State | undefined;
}

async function exported(options: ExportOptions, { types, state: before }: Begun): Promise<FolderManifest> {
  return withDatabase(async (database, config) => {
    const tenant = await makeTenantCache(database).find(options.tenant);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${options.tenant}".`);
    const server = shared(config, database, createLog('silent'));
    const caller = operatorCaller({ subject: 'operator', client: 'makhbar', scopes: parseScopes('system/*.rs') });
    const request: ExportRequest = {
      ...{ url: '', base: `${config.publicUrl ?? ''}/${tenant.name}/fhir`, level: { of: 'system' } },
      types: types.length > 0 ? types : resourceTypes.filter((type) => type !== 'AuditEvent'),
      ...{ filters: {}, elements: [], byPatient: false, partial: false, remarks: [], caller },
      ...(options.format !== 'ndjson' && { format: options.format }),
    };
    const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
    const id = before?.id ?? randomUUID();
    const context = contextFor({ server, tenant, session, request, id });
    const tell = (kind: 'export-requested' | 'export-finished', files: readonly FolderFile[]): Promise<void> =>
      announce(server, tenant, {
        kind,
        deed: 'makhbar export',
        agent: { subject: 'operator', client: 'makhbar' },
        further: [
          thing('process', `export ${id}`),
          ...[...counted(files)].map(([type, count]) => keptFigures(type, count)),
        ],
      });
    try {
      if (before === undefined) await tell('export-requested', []);
      const state = before ?? (await begin(context, { options, types, id }));
      const { moment, files } = await writeAll(context, request, { options, state });
      await tell(
        'export-finished',
        files.filter(({ kind }) => kind === 'output'),
      );
      const { mediaType: outputFormat } = formats[options.format];
      const asked = { tenant: options.tenant, format: options.format, types };
      const manifest: FolderManifest = { ...asked, transactionTime: moment, outputFormat, files };
      await storeManifest(options.out, manifest);
      return manifest;
    } finally {
      await server.usage.flush();
    }
  });
}

/** Milliseconds between two looks for transactions under way. */
const look = 50;

/** The moment, once nothing older can appear any more. */
async function begin(
  { server: { database }, session }: Context,
  { options, types, id }: { readonly options: ExportOptions; readonly types: readonly string[]; readonly id: string },
): Promise<State> {
  const { moment, running } = await momentAndRunning(database);
  for (let left = running; left.length > 0; left = await runningTransactions(database, left)) await pause(look);
  const { tenant, format, out } = options;
  const state = { tenant, format, types, id, moment, present: await typesPresent(session), part: 0, files: [] };
  await storeState(out, state);
  return state;
}

interface Writing {
  readonly options: ExportOptions;
  readonly state: State;
}

async function writeAll(context: Context, request: ExportRequest, { options, state }: Writing): Promise<State> {
  const parts = partsOf(request, new Set(state.present));
  let now = state;
  for (let part = parts[now.part]; part !== undefined; part = parts[now.part]) {
    if (options.json !== true) {
      const percent = Math.floor((now.part / parts.length) * 100);
      process.stderr.write(`\r${percent}%: ${contentOf(part).kind} ${contentOf(part).type ?? ''}`.padEnd(60));
    }
    now = await writeSome(context, request, { options, state: now, part });
    await storeState(options.out, now);
  }
  if (options.json !== true) process.stderr.write('\n');
  return now;
}

/** One file of a part. */
async function writeSome(
  context: Context,
  request: ExportRequest,
  { options, state, part }: Writing & { readonly part: Part },
): Promise<State> {
  const { after: from, ...rest } = state;
  const asked = { request, part, moment: state.moment, research: undefined };
  const name = nameOf(options.format, part, state.files.length);
  const writing = { until: Date.now() + longestFile, frame: frameOf(context, asked) };
  const path = join(options.out, name);
  const { count, size, after } = await writePieces(piecesOf(context, asked, from), writing, (content) =>
    writeWhole(path, content),
  );
  const { kind, type = '' } = contentOf(part);
  const file = size === 0 ? [] : [{ name, kind, type, count, size, sha256: await digestOf(path) }];
  return {
    ...rest,
    part: after === undefined ? state.part + 1 : state.part,
    ...(after !== undefined && { after }),
    files: [...state.files, ...file],
  };
}

/** In the order in which they are to be read; what is no content stands in a folder of its own. */
function nameOf(format: FormatName, part: Part, place: number): string {
  const { kind, type = 'all' } = contentOf(part);
  const { extension } = formats[kind === 'output' ? format : 'ndjson'];
  const name = `${String(place + 1).padStart(5, '0')}-${type}.${extension}`;
  return kind === 'output' ? name : join(kind, name);
}
