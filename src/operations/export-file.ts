/**
 * $export-file: a file of an export, whole, gzipped or a range of it, in the format that was asked for.
 *
 *   GET [base]/$export-file?job=…&file=0        Accept-Encoding: gzip    Range: bytes=…
 */
import { createGzip } from 'node:zlib';
import { pipeline, Readable } from 'node:stream';
import { thing } from '../audit/security.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { formats } from '../exporting/archive/format.ts';
import { fileKey } from '../exporting/manifest.ts';
import { formatOf } from '../exporting/request.ts';
import { binaryFiles } from '../interactions/binary-files.ts';
import { contentRange, rangeOf } from '../interactions/binary-range.ts';
import type { Call } from '../interactions/call.ts';
import { allowParameters, valuesOf } from '../interactions/headers.ts';
import type { Answer, Context } from '../request.ts';
import { listFiles, type BulkFile } from '../store/exports.ts';
import { ownExport } from './export-own.ts';

export async function exportFile(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['job', 'file']);
  const [id = ''] = valuesOf(call.query, 'job');
  const [number = ''] = valuesOf(call.query, 'file');
  const { made, request } = await ownExport(context, id);
  const [file] = /^\d{1,9}$/.test(number) ? await listFiles(context.session, id, Number(number), 1) : [];
  const isReady = made.state === 'complete' || (made.state === 'running' && request.partial);
  if (file?.number !== Number(number) || !isReady) {
    throw outcomeError('not-found', `This export has no file "${number.slice(0, 20)}".`);
  }
  const contentType = formats[file.kind === 'output' ? formatOf(request) : 'ndjson'].mediaType;
  context.trail.further.push(thing('message', `export ${id} file ${number}`));
  return answerOf(context, call, { id, file, contentType });
}

interface Taken {
  readonly id: string;
  readonly file: BulkFile;
  readonly contentType: string;
}

async function answerOf(context: Context, call: Call, { id, file, contentType }: Taken): Promise<Answer> {
  const entity = `"${id}-${file.number}"`;
  const fresh = call.headers['if-range'] === undefined || call.headers['if-range'] === entity;
  const range = fresh ? rangeOf(call.headers['range'], file.size) : undefined;
  const zipped = range === undefined && call.method !== 'HEAD' && acceptsGzip(call.headers['accept-encoding']);
  const body =
    call.method === 'HEAD' ? Buffer.alloc(0) : await binaryFiles(context).get(fileKey(id, file.number), range);
  const length = range === undefined ? file.size : range.end - range.start;
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      etag: zipped ? `W/${entity}` : entity,
      'accept-ranges': 'bytes',
      'cache-control': 'no-store',
      vary: 'accept-encoding',
      ...(range !== undefined && { 'content-range': contentRange(range, file.size) }),
      ...(zipped && { 'content-encoding': 'gzip' }),
    },
    raw: {
      contentType,
      ...(!zipped && { length }),
      body: zipped ? gzipped(body) : body,
    },
  };
}

function acceptsGzip(header: string | undefined): boolean {
  return (header ?? '')
    .split(',')
    .some((part) => /^\s*(gzip|x-gzip)\s*(;\s*q=(0\.0*[1-9]\d*|1(\.0*)?))?\s*$/i.test(part));
}

/** A reader who goes away ends the reading of the file too. */
function gzipped(body: Readable | Buffer): Readable {
  return pipeline(body instanceof Readable ? body : Readable.from([body]), createGzip({ level: 4 }), () => undefined);
}
