/**
 * An Answer as an HTTP response: format, encoding, headers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { parseJson, serializeJson, type JsonObject } from '../fhir/json.ts';
import { serializeXml } from '../fhir/xml.ts';
import type { Answer } from '../request.ts';
import type { Negotiated } from './negotiate.ts';

const compressors = {
  br: promisify(brotliCompress),
  gzip: promisify(gzip),
};

/** Smaller bodies gain less than the work costs (a guess). */
const leastCompressed = 2_048;

const contentTypes = { json: 'application/fhir+json; charset=utf-8', xml: 'application/fhir+xml; charset=utf-8' };

/** Sends the answer and resolves when it has been handed to the socket. */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  wanted: Negotiated,
): Promise<void> {
  const headers: Record<string, string | number> = { ...answer.headers };
  if (!request.complete) {
    closeAfterwards(request, response, headers);
  }
  if (answer.raw) {
    await respondRaw(request, response, answer, headers);
    return;
  }
  const text = bodyText(answer, wanted);
  if (text === undefined) {
    response.writeHead(
      answer.status,
      answer.status === 304 || answer.status === 204 ? headers : { ...headers, 'content-length': 0 },
    );
    response.end();
    return;
  }
  headers['content-type'] = contentTypes[wanted.format];
  headers['vary'] = 'accept, accept-encoding';
  const { body, encoding } = await encode(text, request.headers['accept-encoding']);
  if (encoding !== undefined) {
    headers['content-encoding'] = encoding;
  }
  headers['content-length'] = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  response.writeHead(answer.status, headers);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Milliseconds in which a caller whose body was refused can read the answer. */
const lingering = 2_000;

/**
 * The body was not read to its end: what follows on this connection could not be told from it. The rest is read and
 * dropped for a moment, because closing at once would also drop the answer on its way.
 */
function closeAfterwards(
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string | number>,
): void {
  headers['connection'] = 'close';
  response.once('finish', () => {
    request.unpipe();
    request.resume();
    setTimeout(() => request.socket.destroy(), lingering).unref();
  });
}

function bodyText(answer: Answer, wanted: Negotiated): string | undefined {
  if (answer.text !== undefined && wanted.format === 'json' && !wanted.pretty) {
    return answer.text;
  }
  const resource = answer.resource ?? (answer.text === undefined ? undefined : (parseJson(answer.text) as JsonObject));
  if (resource === undefined) {
    return undefined;
  }
  return wanted.format === 'xml' ? serializeXml(resource, wanted.pretty) : serializeJson(resource, wanted.pretty);
}

async function encode(
  text: string,
  accepted: string | undefined,
): Promise<{ body: string | Buffer; encoding?: 'br' | 'gzip' }> {
  const encoding = text.length < leastCompressed ? undefined : bestEncoding(accepted);
  if (encoding === undefined) {
    return { body: text };
  }
  const body =
    encoding === 'br'
      ? await compressors.br(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })
      : await compressors.gzip(text, { level: 4 });
  return { body, encoding };
}

function bestEncoding(accepted: string | undefined): 'br' | 'gzip' | undefined {
  const names = (accepted ?? '').split(',').flatMap((part) => {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) ? [] : [name];
  });
  return names.includes('br') ? 'br' : names.includes('gzip') ? 'gzip' : undefined;
}

async function respondRaw(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  headers: Record<string, string | number>,
): Promise<void> {
  const { raw } = answer;
  headers['content-type'] = raw?.contentType ?? 'application/octet-stream';
  if (raw?.length !== undefined) {
    headers['content-length'] = raw.length;
  }
  response.writeHead(answer.status, headers);
  if (request.method === 'HEAD' || raw === undefined) {
    if (raw?.body instanceof Readable) {
      raw.body.destroy();
    }
    response.end();
    return;
  }
  if (!(raw.body instanceof Readable)) {
    response.end(raw.body);
    return;
  }
  await promisify(pipeline)(raw.body, response);
}
