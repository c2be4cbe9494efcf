/**
 * $export-status: how far an export is, its manifest when it is done, and its cancellation.
 * https://hl7.org/fhir/uv/bulkdata/export.html#bulk-data-status-request
 *
 *   GET [base]/$export-status?job=…       202 with X-Progress; 200 with the manifest; what went wrong
 *   DELETE [base]/$export-status?job=…    202: ends it, or takes its files away
 */
import { thing } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { operationOutcome, outcomeError } from '../fhir/outcome.ts';
import { manifestOf, pageSize } from '../exporting/manifest.ts';
import { removeFiles } from '../exporting/files.ts';
import type { Call } from '../interactions/call.ts';
import { allowParameters, valuesOf } from '../interactions/headers.ts';
import type { Answer, Context } from '../request.ts';
import { countHaste, listFiles, removeExport } from '../store/exports.ts';
import { recorded } from './administer.ts';
import { ownExport, type OwnExport } from './export-own.ts';

/** Seconds, and how often in a row somebody may ask in less than half a second. */
const retryAfter = 2;
const hasty = 500;
const mostHasty = 20;

export async function exportStatus(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['job', 'page']);
  const [id = ''] = valuesOf(call.query, 'job');
  if (call.method === 'DELETE') return cancel(context, id);
  const own = await ownExport(context, id);
  const page = pageOf(valuesOf(call.query, 'page')[0]);
  const { made, request } = own;
  if (made.state === 'failed') {
    throw outcomeError('exception', `The export failed: ${made.error ?? 'the log has the reason.'}`);
  }
  if (made.state === 'complete' && !request.partial) {
    return answered(context, own, { files: await listFiles(context.session, id) });
  }
  if (request.partial) {
    const files = await listFiles(context.session, id, page * pageSize, pageSize + 1);
    const full = files.length >= pageSize;
    if (made.state === 'complete' || full) {
      const more = made.state === 'complete' ? files.length > pageSize : full;
      return answered(context, own, { files: files.slice(0, pageSize), ...(more && { next: page + 1 }) });
    }
  }
  return waiting(context, own);
}

function pageOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw outcomeError('invalid', `page must be a number, not "${text.slice(0, 40)}".`, { status: 400 });
}

function answered(
  { base }: Context,
  { made, request }: OwnExport,
  page: Pick<Parameters<typeof manifestOf>[0], 'files' | 'next'>,
): Answer {
  const body = Buffer.from(JSON.stringify(manifestOf({ base, made, request, ...page })));
  return {
    status: 200,
    headers: {
      ...(made.expires !== undefined && { expires: new Date(made.expires).toUTCString() }),
      'cache-control': 'no-store',
    },
    raw: { contentType: 'application/json', length: body.length, body },
  };
}

async function waiting(context: Context, { made }: OwnExport): Promise<Answer> {
  if ((await countHaste(context.session, made.id, hasty)) >= mostHasty) {
    const sentence = `The export is still at work; ask again in ${retryAfter * 5} seconds.`;
    throw outcomeError('throttled', sentence, { status: 429, headers: { 'retry-after': String(retryAfter * 5) } });
  }
  return {
    status: 202,
    headers: { 'x-progress': (made.progress ?? 'waiting').slice(0, 100), 'retry-after': String(retryAfter) },
  };
}

async function cancel(context: Context, id: string): Promise<Answer> {
  context.trail.asked = { ...context.trail.asked, kind: 'export-removed' };
  const { made } = await ownExport(context, id);
  await recorded(
    context,
    (session) => removeExport(session, made.id),
    () => thing('process', `export ${made.id}`),
  );
  // What this leaves behind, and what a step under way still writes, the job that looks for expired ones takes.
  await removeFiles(context, made.id);
  const diagnostics = 'The export and its files are deleted.';
  const outcome = operationOutcome([{ severity: 'information', code: 'informational', diagnostics }]);
  return { status: 202, resource: outcome as unknown as JsonObject };
}
