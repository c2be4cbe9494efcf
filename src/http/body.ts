/**
 * The body of an HTTP request: decoded from its content encoding, never longer than allowed, before or after decoding.
 *
 * A body that is refused is left unread here; respond.ts closes its connection after the answer.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import type { Body } from '../request.ts';

const decoders = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** The body of a request; undefined where it has none. @throws OutcomeError 415 for an unknown content encoding. */
export function bodyOf(request: IncomingMessage): Body | undefined {
  const { headers } = request;
  const declared = Number(headers['content-length'] ?? 0);
  if (headers['transfer-encoding'] === undefined && declared === 0) {
    return undefined;
  }
  const encoding = (headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding !== 'identity' && !decoders.has(encoding)) {
    throw outcomeError(
      'not-supported',
      `The content encoding "${encoding.slice(0, 40)}" is not supported; use gzip, br or deflate.`,
      { status: 415, headers: { 'accept-encoding': 'gzip, br, deflate' } },
    );
  }
  const stream = (): Readable => decoded(request, decoders.get(encoding));
  return {
    contentType: headers['content-type'] ?? '',
    stream,
    read: (limit) => (declared > limit ? Promise.reject(tooLong(limit)) : collect(stream(), limit)),
  };
}

/** Not a pipeline: that would destroy the request, and with it the connection, before the refusal is answered. */
function decoded(request: IncomingMessage, makeDecoder: (() => Transform) | undefined): Readable {
  const decoder = makeDecoder?.();
  if (decoder === undefined) {
    return request;
  }
  request.once('error', (error) => decoder.destroy(error));
  request.once('close', () => {
    if (!request.complete) {
      decoder.destroy(new Error('aborted'));
    }
  });
  decoder.once('close', () => request.unpipe(decoder));
  return request.pipe(decoder);
}

async function collect(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) {
        stream.pause();
        throw tooLong(limit);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof OutcomeError ? error : broken(error);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
}

function tooLong(limit: number): OutcomeError {
  return outcomeError('too-long', `The body is longer than the ${limit} bytes that this server takes.`);
}

/** zlib's errors have codes Z_… and ERR_…; what else ends a body is the connection. */
function broken(error: unknown): OutcomeError {
  const code = (error as { code?: string }).code ?? '';
  const sentence = /^(Z_|ERR_(?!STREAM))/.test(code)
    ? 'The body cannot be decoded from its content encoding.'
    : 'The body ended before it was complete.';
  return outcomeError('structure', sentence, { status: 400 });
}
