/**
 * $import: resources in bulk, as NDJSON that is fetched or sent. The job does it (importing/step.ts); the answer says where it
 * is told of. "Ping and pull": the other side has its files ready, or the manifest of an export.
 *
 *   POST [base]/$import    Prefer: respond-async
 *     Parameters: input (url, type) 0..*, exportUrl 0..1, inputFormat, mode (strict | report-only), match (id | identifier)
 *     or the NDJSON itself, application/fhir+ndjson, with ?mode= and ?match=
 *
 * strict stores every line that is valid and tells of the others; report-only stores nothing and tells the same.
 */
import { randomUUID } from 'node:crypto';
import { thing } from '../audit/security.ts';
import type { JsonObject } from '../fhir/json.ts';
import { isResourceType } from '../fhir/definitions.ts';
import { operationOutcome, outcomeError } from '../fhir/outcome.ts';
import { rememberedCaller } from '../exporting/request.ts';
import { importJson, type ImportRequest, type Source } from '../importing/request.ts';
import { checkOrigin, limited, removeSources, storeSource } from '../importing/sources.ts';
import { mediaType } from '../interactions/body.ts';
import type { Call } from '../interactions/call.ts';
import { prefersAsync } from '../interactions/headers.ts';
import { checkStorage } from '../interactions/storage.ts';
import type { Answer, Context } from '../request.ts';
import { beginImport } from '../store/imports.ts';
import { optional, recorded } from './administer.ts';
import { operationInput, type Input } from './parameters.ts';

const formats: ReadonlySet<string> = new Set(['application/fhir+ndjson', 'application/ndjson', 'application/x-ndjson']);
const mostSources = 1_000;

export async function bulkImport(context: Context, call: Call): Promise<Answer> {
  checkCall(context, call);
  const id = randomUUID();
  const sent = call.body !== undefined && formats.has(mediaType(call.body.contentType).type);
  const input = await operationInput(context, sent ? { ...call, body: undefined } : call, names);
  const asked = readInput(context, input, sent);
  if (sent) await upload(context, call, id);
  const request: ImportRequest = {
    ...asked,
    url: `${context.base}/${call.segments.join('/')}`,
    base: context.base,
    caller: rememberedCaller(context.caller),
  };
  const { subject, client } = context.caller;
  try {
    await recorded(
      context,
      (session) => beginImport(session, { id, subject, client, request: importJson(request) }),
      () => thing('process', `import ${id}`),
    );
  } catch (error) {
    await removeSources(context, id).catch(() => undefined);
    throw error;
  }
  const diagnostics = 'The import was begun; the address in Content-Location tells how far it is.';
  const outcome = operationOutcome([{ severity: 'information', code: 'informational', diagnostics }]);
  return {
    status: 202,
    headers: { 'content-location': `${context.base}/$import-status?job=${id}` },
    resource: outcome as unknown as JsonObject,
  };
}

function checkCall(context: Context, call: Call): void {
  if (context.inTransaction) {
    throw outcomeError('not-supported', '$import is not called within a transaction; send it by itself.', {
      status: 400,
    });
  }
  if (!prefersAsync(call)) {
    throw outcomeError('required', '$import is asynchronous: send the header Prefer: respond-async.', { status: 400 });
  }
}

const names = ['input', 'exportUrl', 'exportType', 'inputFormat', 'mode', 'match'];

type Asked = Pick<ImportRequest, 'sources' | 'manifest' | 'dryRun' | 'match'>;

function readInput(context: Context, input: Input, sent: boolean): Asked {
  const { importOrigins } = context.server.config;
  const mode = choice(input, 'mode', ['strict', 'report-only']);
  const match = choice(input, 'match', ['id', 'identifier']);
  const format = optional(input, 'inputFormat');
  if (format !== undefined && !formats.has(format)) {
    throw outcomeError(
      'not-supported',
      `inputFormat: "${format.slice(0, 80)}" is not supported; possible: ${[...formats].join(', ')}.`,
      { status: 400 },
    );
  }
  const manifest = optional(input, 'exportUrl');
  const sources = sent ? [{ name: 'the body' }] : input.parts('input').map(sourceOf);
  if ((sources.length === 0) === (manifest === undefined) || sources.length > mostSources) {
    throw outcomeError(
      'required',
      `$import takes NDJSON as its body, or 1 to ${mostSources} input, or one exportUrl.`,
      { status: 400 },
    );
  }
  for (const url of [manifest, ...sources.map((source: Source) => source.url)])
    if (url !== undefined) checkOrigin(url, importOrigins);
  return {
    sources,
    ...(manifest !== undefined && { manifest }),
    dryRun: mode === 'report-only',
    match: match === 'identifier' ? 'identifier' : 'id',
  };
}

function choice(input: Input, name: string, possible: readonly string[]): string | undefined {
  const text = optional(input, name);
  if (text === undefined || possible.includes(text)) return text;
  throw outcomeError('value', `${name} is ${possible.join(' or ')}, not "${text.slice(0, 40)}".`, { status: 400 });
}

function sourceOf(part: readonly JsonObject[]): Source {
  const value = (name: string): string | undefined => {
    const found = part.find((one) => one['name'] === name);
    const text = found && Object.entries(found).find(([key]) => /^value[A-Z]/.test(key))?.[1];
    return typeof text === 'string' ? text : undefined;
  };
  const [url, type] = [value('url'), value('type')];
  if (url === undefined) throw outcomeError('required', 'Each input of $import has a url.', { status: 400 });
  if (type !== undefined && !isResourceType(type)) {
    throw outcomeError('value', `input.type: "${type.slice(0, 80)}" is no resource type of FHIR R4.`, { status: 400 });
  }
  return { url, ...(type !== undefined && { type }) };
}

async function upload(context: Context, { body }: Call, id: string): Promise<void> {
  await checkStorage(context, 1);
  const content = limited(
    body?.stream() ?? ([] as unknown as AsyncIterable<Uint8Array>),
    context.server.config.binaryLimit,
    'The body',
  );
  await storeSource(context, id, 0, content);
}
