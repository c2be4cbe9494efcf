/**
 * A stored Binary as it is answered: its bytes in their own type, or the resource in JSON or XML when FHIR is asked for.
 * https://hl7.org/fhir/R4/binary.html#rest
 */
import { Readable } from 'node:stream';
import type { JsonObject } from '../fhir/json.ts';
import { serializeXml } from '../fhir/xml.ts';
import type { ByteRange } from '../files/store.ts';
import type { Answer, Context, Request } from '../request.ts';
import { readBinaryFile } from '../store/binary-files.ts';
import type { Stored } from '../store/read.ts';
import type { Call } from './call.ts';
import { storedAnswer, versionHeaders } from './answers.ts';
import { binaryFiles } from './binary-files.ts';
import { opened } from './binary-sealed.ts';
import { contentRange, rangeOf } from './binary-range.ts';
import { checkSecurityContext, securityContextOf } from './binary-security.ts';
import { formatOf, mediaType, type Format } from './body.ts';
import { parseStored } from './document.ts';

interface Bytes {
  readonly size: number;
  read(range?: ByteRange): Promise<Readable | Buffer>;
}

export async function binaryAnswer(context: Context, request: Call, sealed: Stored): Promise<Answer> {
  const stored = await opened(context, sealed);
  const resource = parseStored(stored.text ?? '{}');
  await checkSecurityContext(context, resource);
  const head = storedAnswer(context, request, stored);
  const subset = request.query.some(([name]) => name === '_summary' || name === '_elements');
  if (head.status === 304 || subset) {
    return head;
  }
  const bytes = await bytesOf(context, stored, resource);
  const format = wantedFormat(request, String(resource['contentType']));
  const answer =
    format === undefined
      ? await rawAnswer(request, stored, resource, bytes)
      : await fhirAnswer(request, resource, bytes, {
          format,
          headers: versionHeaders(stored.version, stored.lastUpdated),
        });
  return { ...answer, lastUpdated: stored.lastUpdated };
}

/** Data in the resource itself came with it (binary-sealed.ts); otherwise a file holds it. */
async function bytesOf(context: Context, stored: Stored, resource: JsonObject): Promise<Bytes> {
  if (typeof resource['data'] === 'string') {
    return inMemory(Buffer.from(resource['data'], 'base64'));
  }
  const file = await readBinaryFile(context.session, stored);
  return file === undefined
    ? inMemory(Buffer.alloc(0))
    : { size: file.size, read: (range) => binaryFiles(context).get(file.key, range) };
}

function inMemory(content: Buffer): Bytes {
  return { size: content.length, read: (range) => Promise.resolve(content.subarray(range?.start, range?.end)) };
}

/**
 * The FHIR format asked for; undefined for the bytes themselves, "unless specifically requested". JSON and XML without
 * `fhir` mean the resource, except where the content is of that very type.
 */
export function wantedFormat(request: Request, contentType: string): Format | undefined {
  const asked = request.query.find(([name]) => name === '_format')?.[1];
  if (asked !== undefined) {
    return /xml/i.test(asked) ? 'xml' : 'json';
  }
  const own = mediaType(contentType).type;
  const ranges = (request.headers['accept'] ?? '*/*')
    .split(',')
    .map((text) => ({ text, ...mediaType(text) }))
    .map((range) => ({ ...range, quality: Number(range.parameters['q'] ?? 1) }))
    .filter((range) => range.quality > 0)
    .sort((a, b) => b.quality - a.quality);
  const [best] = ranges;
  return best === undefined || (best.type === own && !own.includes('fhir')) ? undefined : formatOf(best.text);
}

/** What a browser must not do with content that anybody may have sent. */
const confined = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
};

async function rawAnswer(request: Request, stored: Stored, resource: JsonObject, bytes: Bytes): Promise<Answer> {
  const security = securityContextOf(resource);
  const headers: Record<string, string> = {
    ...versionHeaders(stored.version, stored.lastUpdated),
    ...confined,
    'accept-ranges': 'bytes',
    ...(security !== undefined && { 'x-security-context': security }),
  };
  const range = isRangeFresh(request, headers) ? rangeOf(request.headers['range'], bytes.size) : undefined;
  const part = range ?? { start: 0, end: bytes.size };
  const body = request.method === 'HEAD' || bytes.size === 0 ? Buffer.alloc(0) : await bytes.read(range);
  return {
    status: range ? 206 : 200,
    headers: range ? { ...headers, 'content-range': contentRange(range, bytes.size) } : headers,
    raw: { contentType: String(resource['contentType']), length: part.end - part.start, body },
  };
}

/** If-Range: our entity tags are weak, so only the date can match (RFC 9110 §13.1.5). */
function isRangeFresh(request: Request, headers: Record<string, string>): boolean {
  const condition = request.headers['if-range'];
  return condition === undefined || condition === headers['last-modified'];
}

/** Larger content is not held in memory: it is encoded as it streams. */
const mostInMemory = 1_048_576;

interface FhirForm {
  readonly format: Format;
  readonly headers: Record<string, string>;
}

async function fhirAnswer(request: Request, resource: JsonObject, bytes: Bytes, form: FhirForm): Promise<Answer> {
  const { data: _, ...rest } = resource;
  if (bytes.size > mostInMemory && request.method !== 'HEAD') {
    return streamedAnswer(rest, bytes, form);
  }
  const content = bytes.size === 0 ? Buffer.alloc(0) : await collected(await bytes.read());
  const whole = content.length === 0 ? rest : { ...rest, data: content.toString('base64') };
  return { status: 200, headers: form.headers, resource: whole };
}

const mark = 'AAAA';

/** The resource's text round its data, which stands for itself as a mark until the bytes are put there. */
async function streamedAnswer(resource: JsonObject, bytes: Bytes, { format, headers }: FhirForm): Promise<Answer> {
  const withMark = { ...resource, data: mark };
  const text = format === 'xml' ? serializeXml(withMark) : JSON.stringify(withMark);
  const at = text.lastIndexOf(mark);
  const [before, after] = [Buffer.from(text.slice(0, at)), Buffer.from(text.slice(at + mark.length))];
  const length = before.length + 4 * Math.ceil(bytes.size / 3) + after.length;
  const body = Readable.from(wrapped(before, await bytes.read(), after), { objectMode: false });
  return { status: 200, headers, raw: { contentType: `application/fhir+${format}; charset=utf-8`, length, body } };
}

async function* wrapped(before: Buffer, content: Readable | Buffer, after: Buffer): AsyncGenerator<Buffer> {
  yield before;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunksOf(content)) {
    const joined = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = joined.length - (joined.length % 3);
    yield Buffer.from(joined.toString('base64', 0, whole), 'latin1');
    rest = joined.subarray(whole);
  }
  yield Buffer.concat([Buffer.from(rest.toString('base64'), 'latin1'), after]);
}

async function collected(content: Readable | Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(content)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function chunksOf(content: Readable | Buffer): AsyncIterable<Buffer> | Buffer[] {
  return content instanceof Readable ? content : [content];
}
