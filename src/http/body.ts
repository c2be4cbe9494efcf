/**
 * The body of an HTTP request: decoded from its content encoding, never longer than allowed, before or after decoding.
 */
import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import type { Body } from '../request.ts';

const decoders: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** The body of a request; undefined where it has none. @throws OutcomeError 415 for an unknown content encoding. */
export function bodyOf(request: IncomingMessage): Body | undefined {
  const { headers } = request;
  const declared = Number(headers['content-length'] ?? 0);
  if (headers['transfer-encoding'] === undefined && declared === 0) {
    return undefined;
  }
  const encoding = (headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding !== 'identity' && decoders[encoding] === undefined) {
    throw outcomeError('not-supported', `The content encoding "${encoding.slice(0, 40)}" is not supported; use gzip, br or deflate.`, {
      status: 415,
      headers: { 'accept-encoding': 'gzip, br, deflate' },
    });
  }
  const stream = (): Readable => decoded(request, encoding);
  return {
    contentType: headers['content-type'] ?? '',
    stream,
    read: (limit) => (declared > limit ? Promise.reject(tooLong(limit)) : collect(stream(), limit)),
  };
}

function decoded(request: IncomingMessage, encoding: string): Readable {
  const decoder = decoders[encoding]?.();
  if (decoder === undefined) {
    return request;
  }
  // Errors reach the reader of the decoder; nobody else needs to hear of them.
  return pipeline(request, decoder, () => undefined);
}

async function collect(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) {
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

function broken(error: unknown): OutcomeError {
  const code = (error as { code?: string }).code ?? '';
  return /^(Z_|ERR_BROTLI|ERR__ERROR_FORMAT|ERR_)/.test(code) && code !== 'ERR_STREAM_PREMATURE_CLOSE'
    ? outcomeError('structure', 'The body cannot be decoded from its content encoding.', { status: 400 })
    : outcomeError('structure', 'The body ended before it was complete.', { status: 400 });
}
