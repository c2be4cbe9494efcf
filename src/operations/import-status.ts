/**
 * $import-status: how far an import is, what it came to, the outcomes of its lines, and its cancellation.
 *
 *   GET [base]/$import-status?job=…      202 with X-Progress; 200 with what was stored and refused
 *   GET [base]/$import-errors?job=…      NDJSON: an OperationOutcome for each line that was refused
 *   DELETE [base]/$import-status?job=…   202: stores no further; what is stored stays
 */
import { thing } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { operationOutcome, outcomeError } from '../fhir/outcome.ts';
import { importFrom } from '../importing/request.ts';
import { removeSources } from '../importing/sources.ts';
import type { Call } from '../interactions/call.ts';
import { allowParameters, valuesOf } from '../interactions/headers.ts';
import type { Answer, Context } from '../request.ts';
import { listRefusals, readImport, removeImport, type BulkImport } from '../store/imports.ts';
import { recorded } from './administer.ts';
import { streamed } from './streamed.ts';

export async function importStatus(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['job']);
  const made = await ownImport(context, call);
  if (call.method === 'DELETE') return cancel(context, made);
  if (made.state === 'failed')
    throw outcomeError('exception', `The import failed: ${made.error ?? 'the log has the reason.'}`);
  if (made.state === 'running') {
    return { status: 202, headers: { 'x-progress': progressOf(made), 'retry-after': '2' } };
  }
  const body = Buffer.from(JSON.stringify(await reportOf(context, made)));
  return {
    status: 200,
    headers: { 'cache-control': 'no-store' },
    raw: { contentType: 'application/json', length: body.length, body },
  };
}

/** @throws OutcomeError 404, also for those of others */
async function ownImport({ session, caller }: Context, call: Call): Promise<BulkImport> {
  const [id = ''] = valuesOf(call.query, 'job');
  const made = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? await readImport(session, id) : undefined;
  if (made?.subject === caller.subject && made.client === caller.client) return made;
  throw outcomeError('not-found', `There is no import "${id.slice(0, 64)}".`);
}

function progressOf({ place, counts, refused }: BulkImport): string {
  const stored = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return `${place?.phase ?? 'waiting'}: ${stored} resources, ${refused} lines refused`;
}

async function reportOf({ base, session }: Context, made: BulkImport): Promise<JsonObject> {
  const request = importFrom(made.request);
  const told = (await listRefusals(session, made.id, before)).length > 0;
  return {
    transactionTime: made.finished ?? '',
    request: request.url,
    mode: request.dryRun ? 'report-only' : 'strict',
    output: Object.entries(made.counts).map(([type, count]) => ({ type, count })),
    refused: made.refused,
    error: told ? [{ type: 'OperationOutcome', url: `${base}/$import-errors?job=${made.id}` }] : [],
  };
}

const before = { file: -1, line: 0 };

export async function importErrors(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['job']);
  const { id } = await ownImport(context, call);
  const body = streamed(async (send) => {
    for (let after: { file: number; line: number } | undefined = before; after !== undefined;) {
      const found: Awaited<ReturnType<typeof listRefusals>> = await listRefusals(context.session, id, after);
      for (const { outcome } of found) await send(`${outcome}\n`);
      after = found.at(-1);
    }
  });
  return {
    status: 200,
    headers: { 'cache-control': 'no-store' },
    raw: { contentType: 'application/fhir+ndjson', body },
  };
}

async function cancel(context: Context, made: BulkImport): Promise<Answer> {
  context.trail.asked = { ...context.trail.asked, kind: 'import-removed' };
  await recorded(
    context,
    (session) => removeImport(session, made.id),
    () => thing('process', `import ${made.id}`),
  );
  await removeSources(context, made.id);
  const diagnostics = 'The import is ended; what it has stored stays.';
  const outcome = operationOutcome([{ severity: 'information', code: 'informational', diagnostics }]);
  return { status: 202, resource: outcome as unknown as JsonObject };
}
