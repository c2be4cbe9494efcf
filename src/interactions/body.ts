/**
 * The resource in the body of a request. https://hl7.org/fhir/R4/http.html#mime-type
 */
import { decodeUtf8, parseJson, type JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { parseXml } from '../fhir/xml.ts';
import { isResourceType } from '../fhir/definitions.ts';
import type { Context, Request } from '../request.ts';

export type Format = 'json' | 'xml';

const formats = new Map<string, Format>(
  Object.entries({
    'application/fhir+json': 'json',
    'application/json': 'json',
    'application/json+fhir': 'json',
    'text/json': 'json',
    'application/fhir+xml': 'xml',
    'application/xml': 'xml',
    'application/xml+fhir': 'xml',
    'text/xml': 'xml',
  }),
);

/** `application/fhir+json; charset=utf-8` → its media type in lower case and its parameters. */
export function mediaType(header: string): { type: string; parameters: Record<string, string> } {
  const [type = '', ...rest] = header.split(';').map((part) => part.trim());
  const parameters = Object.fromEntries(
    rest.map((part) => {
      const [name = '', value = ''] = part.split('=');
      return [name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, '')];
    }),
  );
  return { type: type.toLowerCase(), parameters };
}

/** The format of a FHIR media type; undefined where it is none. */
export function formatOf(header: string): Format | undefined {
  return formats.get(mediaType(header).type);
}

/** @throws OutcomeError `not-supported` (415) where the body is not FHIR R4 in JSON or XML in UTF-8. */
export function bodyFormat(contentType: string): Format {
  const { type, parameters } = mediaType(contentType);
  const format = formats.get(type);
  if (format === undefined) {
    const sent = type === '' ? 'no content type' : `"${type.slice(0, 80)}"`;
    throw unsupported(`The body has ${sent}; send application/fhir+json or application/fhir+xml.`);
  }
  const version = parameters['fhirversion'];
  if (version !== undefined && !/^4\.0(\.\d+)?$/.test(version)) {
    throw unsupported(`The body is FHIR ${version.slice(0, 20)}; this server speaks FHIR 4.0.`);
  }
  const charset = parameters['charset'];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw unsupported(`The body is in ${charset.slice(0, 40)}; FHIR is always UTF-8.`);
  }
  return format;
}

function unsupported(sentence: string): Error {
  return outcomeError('not-supported', sentence, { status: 415 });
}

/**
 * The resource that was sent, of the expected type where there is one.
 * @throws OutcomeError 400, 413 or 415 where it is none.
 */
export async function readResource(context: Context, request: Request, expectedType = ''): Promise<JsonObject> {
  const { body } = request;
  if (body === undefined) {
    throw outcomeError(
      'structure',
      `The body must hold ${expectedType === '' ? 'a resource' : `a ${expectedType}`}; it is empty.`,
    );
  }
  const resource = body.resource ?? parseBody(body.contentType, await body.read(context.server.config.bodyLimit));
  const type = resource['resourceType'];
  if (typeof type !== 'string' || !isResourceType(type)) {
    throw outcomeError('structure', `The body is no FHIR R4 resource: its resourceType is ${quote(type)}.`);
  }
  if (expectedType !== '' && type !== expectedType) {
    throw outcomeError('structure', `The body must hold a ${expectedType}; it holds a ${type}.`);
  }
  return resource;
}

function parseBody(contentType: string, bytes: Buffer): JsonObject {
  const format = bodyFormat(contentType);
  if (bytes.length === 0) {
    throw outcomeError('structure', 'The body is empty; it must hold a resource.');
  }
  const text = decodeUtf8(bytes);
  if (format === 'xml') {
    return parseXml(text);
  }
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw outcomeError('structure', 'The body must be a JSON object with a resourceType.');
  }
  return value;
}

function quote(value: unknown): string {
  return typeof value === 'string' ? `"${value.slice(0, 80)}"` : 'missing or not a string';
}
