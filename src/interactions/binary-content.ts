/**
 * What a create or update of a Binary sends: raw bytes of any type, or a Binary in JSON or XML whose data is decoded.
 * https://hl7.org/fhir/R4/binary.html#rest
 *
 * A body of a FHIR type that is another resource is content like any other; one that is malformed is refused, because
 * nobody means to store it.
 */
import { decodeUtf8, parseJson, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { validateResource } from '../fhir/validation/validate.ts';
import { parseXml } from '../fhir/xml.ts';
import type { Content } from '../files/store.ts';
import type { Body, Context, Request } from '../request.ts';
import { bodyFormat, formatOf, mediaType } from './body.ts';

export interface BinaryContent {
  /** The Binary without its data. */
  readonly resource: JsonObject;
  readonly contentType: string;
  readonly content: Content;
  /** Sent as its bytes: there is no resource that could name an id. */
  readonly raw: boolean;
}

const printable = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?: ?;[\x20-\x7e]*)?$/;

export async function binaryContent(context: Context, request: Request): Promise<BinaryContent> {
  const { body } = request;
  if (body === undefined) {
    throw outcomeError('structure', 'The body is empty; it must hold the content of the Binary.');
  }
  if (body.resource !== undefined) {
    return decoded(body.resource);
  }
  if (formatOf(body.contentType) === undefined) {
    return raw(context, request, body, limited(body, context.server.config.binaryLimit));
  }
  const bytes = await body.read(context.server.config.bodyLimit);
  const resource = binaryIn(bytes, body.contentType);
  return resource === undefined ? raw(context, request, body, bytes) : decoded(resource);
}

function raw(context: Context, request: Request, body: Body, content: Content): BinaryContent {
  const contentType = checkType(body.contentType.trim().replaceAll(/\s+/g, ' ') || 'application/octet-stream');
  checkLength(request, context.server.config.binaryLimit);
  const security = request.headers['x-security-context'];
  const resource: JsonObject = {
    resourceType: 'Binary',
    contentType,
    ...(security !== undefined && { securityContext: { reference: security.trim() } }),
  };
  return { resource, contentType, content, raw: true };
}

/** The Binary resource that a body of a FHIR or general JSON or XML type is; undefined where it is plain content. */
function binaryIn(bytes: Buffer, contentType: string): JsonObject | undefined {
  const demanded = mediaType(contentType).type.includes('fhir');
  if (!demanded && !bytes.includes('Binary')) {
    return undefined;
  }
  try {
    const text = decodeUtf8(bytes);
    const value: JsonValue = bodyFormat(contentType) === 'xml' ? parseXml(text) : parseJson(text);
    const isBinary = typeof value === 'object' && value !== null && (value as JsonObject)['resourceType'] === 'Binary';
    return isBinary ? (value as JsonObject) : undefined;
  } catch (error) {
    if (demanded || !(error instanceof OutcomeError)) {
      throw error;
    }
    return undefined;
  }
}

/** A Binary resource taken apart; it is validated whole, because its data is not stored with it. */
function decoded(sent: JsonObject): BinaryContent {
  if (sent['resourceType'] !== 'Binary') {
    throw outcomeError('structure', 'The body must hold a Binary.');
  }
  const issues = validateResource(sent).filter((issue) => issue.severity === 'error' || issue.severity === 'fatal');
  if (issues.length > 0) {
    throw new OutcomeError(issues);
  }
  const { data, _data: _, ...resource } = sent;
  const contentType = checkType(String(resource['contentType']));
  return { resource, contentType, content: Buffer.from(typeof data === 'string' ? data : '', 'base64'), raw: false };
}

/** The type becomes a header of answers, so it must be one. */
function checkType(contentType: string): string {
  if (!printable.test(contentType)) {
    throw outcomeError('code-invalid', `"${contentType.slice(0, 80)}" is no media type such as application/pdf.`, {
      expression: 'Binary.contentType',
    });
  }
  return contentType;
}

function checkLength(request: Request, limit: number): void {
  if (Number(request.headers['content-length'] ?? 0) > limit) {
    throw tooLong(limit);
  }
}

/** The body as it comes, cut off at the limit; the connection stays, so that the answer can be sent. */
async function* limited(body: Body, limit: number): AsyncGenerator<Buffer> {
  let size = 0;
  try {
    for await (const chunk of body.stream().iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) {
        throw tooLong(limit);
      }
      yield chunk;
    }
  } catch (error) {
    throw error instanceof OutcomeError ? error : brokenOff();
  }
}

function brokenOff(): OutcomeError {
  return outcomeError('structure', 'The body ended before it was complete, or cannot be decoded.', { status: 400 });
}

function tooLong(limit: number): OutcomeError {
  return outcomeError('too-long', `The content is longer than the ${limit} bytes that this server takes.`, {
    headers: { connection: 'close' },
  });
}
