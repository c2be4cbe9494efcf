/**
 * `makhbar export --tenant <name> --out <DIR>`: all of a laboratory as the files that $export makes, NDJSON or messages, into a
 * folder, in this process, with its progress. Run again it goes on where it ended; what is complete stays as it is.
 * `--deidentified <project>` writes what $export-deidentified does (exporting/research.ts).
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { keptFigures, thing } from '../audit/security.ts';
import { formats, type FormatName } from '../exporting/archive/format.ts';
import { contextFor } from '../exporting/context.ts';
import { writePieces } from '../exporting/files.ts';
import type { Shape } from '../exporting/lines.ts';
import { contentOf, frameOf, partsOf, piecesOf, type Part } from '../exporting/parts.ts';
import { reportExtension } from '../exporting/research-report.ts';
import { checkProject, researchShape } from '../exporting/research.ts';
import { formatOf, type ExportRequest } from '../exporting/request.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { announce } from '../interactions/announce.ts';
import { createLog } from '../log.ts';
import type { Context } from '../request.ts';
import { shared } from '../start/http.ts';
import { momentAndRunning, runningTransactions } from '../store/exports.ts';
import { typesPresent } from '../store/export-rows.ts';
import type { Session } from '../store/pool.ts';
import { makeTenantCache } from '../store/tenant-cache.ts';
import { print, withDatabase } from './connect.ts';
import { askedFor, requestFor, type ExportOptions } from './export-asked.ts';
import {
  digestOf,
  openFolder,
  storeManifest,
  storeState,
  writeWhole,
  type FolderFile,
  type FolderManifest,
  type Asked,
  type State,
} from './export-folder.ts';

/** Milliseconds after which a file ends: as much is written again at most. */
const longestFile = 60_000;

export async function exportCommand(options: ExportOptions): Promise<void> {
  const asked = askedFor(options);
  const { state, manifest } = await openFolder(options.out, asked);
  const made = manifest ?? (await exported(options, asked, state));
  const outputs = made.files.filter(({ kind }) => kind === 'output');
  const lines = [...counted(outputs)].map(([type, count]) => `${type}: ${count}`);
  const missing = made.files.filter(({ kind }) => kind === 'error').map(({ name }) => name);
  if (missing.length > 0) lines.push(`What is not in it: ${missing.join(', ')}`);
  print(options, made, [`${options.out} is complete as of ${made.transactionTime}.`, ...lines].join('\n'));
}

function counted(files: readonly FolderFile[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { type, count } of files) counts.set(type, (counts.get(type) ?? 0) + count);
  return counts;
}

async function exported(options: ExportOptions, asked: Asked, before: State | undefined): Promise<FolderManifest> {
  return withDatabase(async (database, config) => {
    const tenant = await makeTenantCache(database).find(options.tenant);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${options.tenant}".`);
    const server = shared(config, database, createLog('silent'));
    const request = requestFor(asked, config.publicUrl);
    const session: Session = { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
    const id = before?.id ?? randomUUID();
    const context = contextFor({ server, tenant, session, request, id });
    try {
      if (asked.project !== undefined) await checkProject(session, asked.project);
      if (before === undefined) await tell(context, request, []);
      const begun = before ?? (await begin(context, options.out, { ...asked, id }));
      const state = await writeAll(context, request, { options, state: begun });
      const made = state.files.filter(({ kind }) => kind === 'output');
      await tell(context, request, made, 'export-finished');
      const manifest = manifestOf(asked, request, state);
      await storeManifest(options.out, manifest);
      return manifest;
    } finally {
      await server.usage.flush();
    }
  });
}

function tell(
  { server, tenant, requestId }: Context,
  { project }: ExportRequest,
  files: readonly FolderFile[],
  finished?: 'export-finished',
): Promise<void> {
  return announce(server, tenant, {
    kind: finished ?? (project === undefined ? 'export-requested' : 'deidentified-export-requested'),
    deed: 'makhbar export',
    agent: { subject: 'operator', client: 'makhbar' },
    further: [
      thing('process', `export ${requestId}`),
      ...(project === undefined ? [] : [thing('setting', `research project ${project}`)]),
      ...[...counted(files)].map(([type, count]) => keptFigures(type, count)),
    ],
  });
}

function manifestOf(asked: Asked, request: ExportRequest, { moment, files, report }: State): FolderManifest {
  const { mediaType: outputFormat } = formats[formatOf(request)];
  const extension = reportExtension({ report }, request);
  return { ...asked, transactionTime: moment, outputFormat, ...(extension && { extension }), files };
}

/** Milliseconds between two looks for transactions under way. */
const look = 50;

/** The moment, once nothing older can appear any more. */
async function begin(
  { server: { database }, session }: Context,
  folder: string,
  asked: Asked & Pick<State, 'id'>,
): Promise<State> {
  const { moment, running } = await momentAndRunning(database);
  for (let left = running; left.length > 0; left = await runningTransactions(database, left)) await pause(look);
  const state = { ...asked, moment, present: await typesPresent(session), part: 0, files: [] };
  await storeState(folder, state);
  return state;
}

interface Writing {
  readonly options: ExportOptions;
  readonly state: State;
}

async function writeAll(context: Context, request: ExportRequest, { options, state }: Writing): Promise<State> {
  const parts = partsOf(request, new Set(state.present));
  let now = state;
  // Measured once: what was told of some is not told otherwise of others.
  const keep = async (report: JsonObject): Promise<void> => storeState(options.out, (now = { ...now, report }));
  const { project: name } = request;
  const asked = { report: state.report, keep };
  const research = name === undefined ? undefined : await researchShape(context, asked, { name, moment: state.moment });
  for (let part = parts[now.part]; part !== undefined; part = parts[now.part]) {
    if (options.json !== true) {
      const percent = Math.floor((now.part / parts.length) * 100);
      process.stderr.write(`\r${percent}%: ${contentOf(part).kind} ${contentOf(part).type ?? ''}`.padEnd(60));
    }
    now = await writeSome(context, request, { options, state: now, part, research });
    await storeState(options.out, now);
  }
  if (options.json !== true) process.stderr.write('\n');
  return now;
}

/** One file of a part. */
async function writeSome(
  context: Context,
  request: ExportRequest,
  { options, state, part, research }: Writing & { readonly part: Part; readonly research: Shape | undefined },
): Promise<State> {
  const { after: from, ...rest } = state;
  const asked = { request, part, moment: state.moment, research };
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
