/**
 * Fetching what is imported: only from origins that the operator has listed (IMPORT_ORIGINS), without following redirects, and
 * no more than a file may have, decoded. So a caller reaches nothing inside the network by it.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { binaryFiles, type FilesContext } from '../interactions/binary-files.ts';
import type { Content } from '../files/store.ts';
import { importKey, type ImportRequest, type Source } from './request.ts';

/** Milliseconds for one file. */
const patience = 3_600_000;
const mostManifest = 16 * 1_048_576;
const mostFiles = 10_000;

/** @throws OutcomeError for an address that is not of a listed origin. */
export function checkOrigin(url: string, origins: readonly string[]): void {
  const origin = URL.canParse(url) ? new URL(url).origin : undefined;
  if (origin !== undefined && origins.includes(origin)) return;
  const sentence = `"${url.slice(0, 200)}" is not of an origin from which this server imports (IMPORT_ORIGINS)${
    origins.length === 0 ? ': there is none' : ''
  }.`;
  throw outcomeError('forbidden', sentence, { status: 403 });
}

async function fetched(url: string, origins: readonly string[], accept: string): Promise<AsyncIterable<Uint8Array>> {
  checkOrigin(url, origins);
  const told = url.slice(0, 200);
  const signal = AbortSignal.timeout(patience);
  const answer = await fetch(url, { redirect: 'error', signal, headers: { accept } }).catch((error: unknown) => {
    const reason = error instanceof Error ? (error.cause as { code?: string } | undefined)?.code : undefined;
    throw outcomeError('transient', `"${told}" could not be fetched${reason === undefined ? '' : ` (${reason})`}.`);
  });
  if (answer.ok && answer.body !== null) return answer.body;
  await answer.body?.cancel();
  throw outcomeError(answer.status >= 500 ? 'transient' : 'processing', `"${told}" answered ${answer.status}.`);
}

/** @throws OutcomeError `too-long` past so many bytes: of what was unpacked, so that a bomb does not go off here. */
export async function* limited(
  content: AsyncIterable<Uint8Array>,
  most: number,
  what: string,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of content) {
    size += chunk.byteLength;
    if (size > most)
      throw outcomeError('too-long', `${what} has more than ${most} bytes, as many as a file may have (BINARY_LIMIT).`);
    yield chunk;
  }
}

/** Puts the file of a source into the file store. */
export async function fetchSource(context: FilesContext, id: string, file: number, source: Source): Promise<void> {
  const { importOrigins, binaryLimit } = context.server.config;
  const url = source.url ?? '';
  const content = await fetched(url, importOrigins, 'application/fhir+ndjson');
  await storeSource(context, id, file, limited(content, binaryLimit, `"${url.slice(0, 200)}"`));
}

export async function storeSource(context: FilesContext, id: string, file: number, content: Content): Promise<number> {
  return binaryFiles(context).write(importKey(id, file), content);
}

/** The sources of the manifest of an export. https://hl7.org/fhir/uv/bulkdata/export.html#response---output-manifest */
export async function manifestSources({ server }: FilesContext, url: string): Promise<Source[]> {
  const { importOrigins } = server.config;
  const chunks: Uint8Array[] = [];
  const content = await fetched(url, importOrigins, 'application/json');
  for await (const chunk of limited(content, mostManifest, 'The manifest')) chunks.push(chunk);
  const output = outputOf(Buffer.concat(chunks).toString('utf8'));
  return output.map(({ type, url: file }) => {
    if (typeof file !== 'string') throw outcomeError('structure', 'The manifest has an output without a url.');
    checkOrigin(file, importOrigins);
    return { url: file, ...(typeof type === 'string' && { type }) };
  });
}

function outputOf(text: string): { type?: unknown; url?: unknown }[] {
  let manifest: { output?: unknown } | null;
  try {
    manifest = JSON.parse(text) as typeof manifest;
  } catch {
    throw outcomeError('structure', 'The manifest is no JSON.');
  }
  const output = manifest?.output;
  if (!Array.isArray(output) || output.length > mostFiles) {
    throw outcomeError('structure', `The manifest has no list "output" of ${mostFiles} files at most.`);
  }
  return output as { type?: unknown; url?: unknown }[];
}

export async function removeSources(context: FilesContext, id: string): Promise<void> {
  const files = binaryFiles(context);
  for await (const { key } of files.list(`import/${id}/`)) await files.delete(key);
}

export function withSources(request: ImportRequest, more: readonly Source[]): ImportRequest {
  const { manifest: _fetched, ...rest } = request;
  return { ...rest, sources: [...request.sources, ...more] };
}
