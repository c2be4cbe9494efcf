/**
 * $reindex: makes the search index of what is stored anew. Needed after an upgrade whose notes say so; for a new
 * SearchParameter the server starts it by itself.
 *
 *   POST [base]/$reindex          type: only resources of these types (0..*)   url: only what this SearchParameter needs
 *   GET  [base]/$reindex-status?job=…
 *
 * It follows https://hl7.org/fhir/R4/async.html: 202 with Content-Location; there 202 with X-Progress while it waits or
 * works, 200 with Parameters when it is done, 500 with the sentence when it failed. A Task resource was rejected: it would
 * stand among the laboratory's own Tasks.
 */
import type { JsonObject } from '../fhir/json.ts';
import { isResourceType } from '../fhir/definitions.ts';
import { operationOutcome, outcomeError } from '../fhir/outcome.ts';
import type { Call } from '../interactions/call.ts';
import { allowParameters, valuesOf } from '../interactions/headers.ts';
import { usableParameters } from '../interactions/own-parameters.ts';
import type { Answer, Context } from '../request.ts';
import { readJob, requestJob, type Job } from '../store/jobs.ts';
import { loadSearchState } from '../store/search-parameters.ts';
import { recorded } from './administer.ts';
import { operationInput } from './parameters.ts';

export async function reindex(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['type', '_type', 'url']);
  const types = [...input.texts('type'), ...input.texts('_type')].flatMap((text) => text.split(','));
  const wanted = await jobInput(context, types, input.texts('url'));
  const job = await recorded(context, (session) => requestJob(session, 'reindex', wanted));
  const diagnostics = 'The index is being made anew; the address in Content-Location tells how far it is.';
  return {
    status: 202,
    headers: { 'content-location': `${context.base}/$reindex-status?job=${job.id}` },
    resource: operationOutcome([
      { severity: 'information', code: 'informational', diagnostics },
    ]) as unknown as JsonObject,
  };
}

async function jobInput(context: Context, types: readonly string[], urls: readonly string[]): Promise<JsonObject> {
  const [url, second] = urls;
  if (second !== undefined || (url !== undefined && types.length > 0)) {
    throw outcomeError('invalid', '$reindex takes one url, or types, not both.', { status: 400 });
  }
  const unknown = types.find((type) => !isResourceType(type));
  if (unknown !== undefined) {
    throw outcomeError('value', `type: "${unknown.slice(0, 80)}" is no resource type of FHIR R4.`, { status: 400 });
  }
  if (types.length > 0) return { types: [...new Set(types)].sort() };
  if (url === undefined) return { everything: true };
  // As it is now, not as this process remembers it: the parameter may just have been written.
  const { own } = await loadSearchState(
    { query: (_, statement) => context.session.query(statement) },
    context.tenant.id,
  );
  if (!usableParameters(own).some(({ definition }) => definition.url === url)) {
    throw outcomeError(
      'not-found',
      `url: there is no active SearchParameter ${url.slice(0, 200)} besides those of R4.`,
      { status: 404 },
    );
  }
  return { url };
}

export async function reindexStatus(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['job']);
  const [id = ''] = valuesOf(call.query, 'job');
  const known = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? await readJob(context.session, id) : undefined;
  if (known?.kind !== 'reindex') throw outcomeError('not-found', `There is no reindex job "${id.slice(0, 64)}".`);
  const progress = progressText(known);
  switch (known.state) {
    case 'done':
      return { status: 200, resource: report(known) };
    case 'failed':
      throw outcomeError('exception', `The index could not be made: ${known.error ?? 'the log has the reason'}`);
    default:
      return { status: 202, headers: { 'x-progress': progress, 'retry-after': '2' }, resource: report(known) };
  }
}

function progressText({ state, done, total }: Job): string {
  if (total === undefined) return state;
  return `${done} of ${total} resources (${total === 0 ? 100 : Math.floor((done / total) * 100)} %)`;
}

function report({ state, done, total, error, created, finished }: Job): JsonObject {
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'state', valueCode: state },
      { name: 'done', valueDecimal: done },
      ...(total === undefined ? [] : [{ name: 'total', valueDecimal: total }]),
      { name: 'created', valueInstant: created },
      ...(finished === undefined ? [] : [{ name: 'finished', valueInstant: finished }]),
      ...(error === undefined ? [] : [{ name: 'error', valueString: error }]),
    ],
  };
}
