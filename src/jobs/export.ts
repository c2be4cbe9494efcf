/**
 * A bulk export: writes what was asked for (exporting/request.ts) to files, as many a step as there is time for.
 *
 *   wait    until no transaction is running that was when the moment was taken: nothing older can appear any more
 *   write   each type, then what was deleted of it, then what has to be said; each step begins where the last ended
 *
 * 1. A step that is repeated writes the same files again, under the same numbers.
 * 2. An export that was cancelled is written no further; what a step wrote meanwhile is taken away.
 * 3. What fails is tried three times; then the export has failed, with the sentence, and its event says so.
 */
import { readInForce } from '../retention/plan.ts';
import { days } from '../retention/period.ts';
import { keptFigures, thing } from '../audit/security.ts';
import { contextFor } from '../exporting/context.ts';
import { removeFiles, writeFile, type WrittenFile } from '../exporting/files.ts';
import { contentOf, frameOf, partsOf, piecesOf, type Part } from '../exporting/parts.ts';
import { researchShape } from '../exporting/research.ts';
import { requestFrom, type ExportRequest } from '../exporting/request.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { announceWithin } from '../interactions/announce.ts';
import type { Context } from '../request.ts';
import {
  failExport,
  finishExport,
  keepFile,
  keepReport,
  listFiles,
  momentAndRunning,
  noteProgress,
  readExport,
  runningTransactions,
  setMoment,
  type BulkExport,
} from '../store/exports.ts';
import { typesPresent } from '../store/export-rows.ts';
import type { Session } from '../store/pool.ts';
import { loadSearchState } from '../store/search-parameters.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';

interface Cursor {
  readonly phase: 'wait' | 'write';
  /** Transactions that are waited for. */
  readonly running: readonly string[];
  /** FHIR instant. */
  readonly moment: string;
  /** The types of which there has ever been anything. */
  readonly types?: readonly string[];
  readonly part: number;
  readonly after?: string;
  /** Of the next file. */
  readonly number: number;
}

/** Milliseconds between two looks for transactions under way. */
const look = 100;
const mostTries = 3;
export async function exportJob(context: JobContext, run: Run): Promise<Step> {
  const made = await readExport(run.session, String(run.job.input['export']));
  if (made?.state !== 'running') return { done: run.job.done };
  const request = requestFrom(made.request);
  try {
    const cursor = (run.job.cursor as unknown as Cursor | undefined) ?? (await begin(context));
    return await (cursor.phase === 'wait'
      ? wait(context, run, made, cursor)
      : write(context, run, { made, request, cursor }));
  } catch (error) {
    if (run.job.attempts + 1 < mostTries) throw error;
    const known = error instanceof OutcomeError;
    if (!known) context.server.log.error({ err: error, tenant: run.tenant.id }, 'export failed');
    const sentence = known ? error.message : 'The server failed in a way it does not know; its log has the rest.';
    await fail(context, run, made, request, sentence);
    return { done: run.job.done };
  }
}

async function begin({ server }: JobContext): Promise<Cursor> {
  const { moment, running } = await momentAndRunning(server.database);
  return { phase: 'wait', running, moment, part: 0, number: 0 };
}

function go(run: Run, cursor: Cursor, changed: Parameters<typeof more>[2] = {}): Step {
  return more(run, cursor as unknown as JsonObject, changed);
}

async function wait({ server }: JobContext, run: Run, made: BulkExport, cursor: Cursor): Promise<Step> {
  const running = await runningTransactions(server.database, cursor.running);
  if (running.length > 0) return go(run, { ...cursor, running }, { pause: look });
  await setMoment(run.session, made.id, cursor.moment);
  return go(run, { ...cursor, running: [], phase: 'write', types: await typesPresent(run.session) });
}

interface Written {
  readonly made: BulkExport;
  readonly request: ExportRequest;
  readonly cursor: Cursor;
}

async function write(jobs: JobContext, run: Run, { made, request, cursor }: Written): Promise<Step> {
  const { server, searchStates } = jobs;
  const search = await loadSearchState(server.database, run.tenant.id, searchStates.get(run.tenant.id));
  searchStates.set(run.tenant.id, search);
  const context = contextFor({ server, tenant: { ...run.tenant, search }, session: run.session, request, id: made.id });
  const { moment } = cursor;
  const research = request.project && (await shapeFor(context, made, { name: request.project, moment }));
  const parts = partsOf(request, new Set(cursor.types));
  const [begun] = parts.slice(cursor.part);
  if (begun !== undefined) await noteProgress(run.session, made.id, progressOf(begun, cursor.part, parts.length));
  let done = run.job.done;
  for (let next = cursor; ;) {
    const part = parts[next.part];
    if (part === undefined) return finish(run, jobs, made, request);
    const asked = { request, part, moment, research: research || undefined };
    const writing = { id: made.id, number: next.number, until: run.until, frame: frameOf(context, asked) };
    const file = await writeFile(context, writing, piecesOf(context, asked, next.after));
    if (file.size > 0 && !(await keep(context, made, next, { part, ...file }))) {
      await removeFiles(context, made.id);
      return { done: run.job.done };
    }
    next = after(next, file);
    done += file.count;
    if (Date.now() >= run.until) return go(run, next, { done, total: undefined });
  }
}

function shapeFor(context: Context, { id, report }: BulkExport, asked: { name: string; moment: string }) {
  const keep = (measured: JsonObject): Promise<void> => keepReport(context.session, id, measured);
  return researchShape(context, { report, keep }, asked);
}

function after({ phase, running, moment, types = [], ...cursor }: Cursor, file: WrittenFile): Cursor {
  return {
    phase,
    running,
    moment,
    types,
    number: cursor.number + (file.size === 0 ? 0 : 1),
    part: cursor.part + (file.after === undefined ? 1 : 0),
    ...(file.after !== undefined && { after: file.after }),
  };
}

function keep(
  { session }: Context,
  made: BulkExport,
  { number }: Cursor,
  { part, count, size }: { part: Part; count: number; size: number },
): Promise<boolean> {
  return keepFile(session, made.id, { number, ...contentOf(part), count, size });
}

function progressOf(part: Part, place: number, all: number): string {
  const what = part.kind === 'output' ? part.type : 'type' in part ? `${part.kind} ${part.type}` : part.kind;
  return `${Math.floor((place / all) * 100)}% (${what})`;
}

/** For which files can be fetched: as the rule of retention says; undefined for ever. */
async function keptDays(session: Session): Promise<number | undefined> {
  const { period } = (await readInForce(session)).rules.exports;
  return period === undefined ? undefined : Math.ceil(days(period));
}

async function finish(run: Run, { server }: JobContext, made: BulkExport, request: ExportRequest): Promise<Step> {
  await server.database.transaction(run.tenant.id, async (session) => {
    if (await finishExport(session, made.id, await keptDays(session))) await tell(session, made, request, {});
  });
  return { done: run.job.done };
}

async function fail(
  { server }: JobContext,
  run: Run,
  made: BulkExport,
  request: ExportRequest,
  sentence: string,
): Promise<void> {
  await server.database.transaction(run.tenant.id, async (session) => {
    if (await failExport(session, made.id, sentence, await keptDays(session)))
      await tell(session, made, request, { outcome: 8, reason: 'The export failed.' });
  });
}

/** Who asked for it is who is told to have taken the data; how much of which type stands beside it. */
async function tell(
  session: Session,
  made: BulkExport,
  { caller, project }: ExportRequest,
  result: { readonly outcome?: 8; readonly reason?: string },
): Promise<void> {
  const counts = new Map<string, number>();
  for (const { kind, type = 'by Patient', count } of await listFiles(session, made.id)) {
    if (kind === 'output') counts.set(type, (counts.get(type) ?? 0) + count);
  }
  const { subject, client, roles, fhirUser } = caller;
  await announceWithin(session, {
    kind: 'export-finished',
    deed: '$export',
    agent: { subject, client, roles: [...roles], ...(fhirUser !== undefined && { fhirUser }) },
    ...result,
    further: [
      thing('process', `export ${made.id}`),
      ...(project === undefined ? [] : [thing('setting', `research project ${project}`)]),
      ...[...counts].map(([type, count]) => keptFigures(type, count)),
    ],
  });
}
