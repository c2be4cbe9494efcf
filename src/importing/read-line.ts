/** A line of NDJSON as a resource that may be imported, or why it is none. */
import { decodeUtf8, parseJson, type JsonObject } from '../fhir/json.ts';
import { isResourceType } from '../fhir/definitions.ts';
import { OutcomeError, operationOutcome, outcomeError } from '../fhir/outcome.ts';
import { isId } from '../fhir/reference.ts';

/** @throws OutcomeError */
export function readLine(bytes: Buffer | undefined, expected: string | undefined): JsonObject {
  if (bytes === undefined) throw outcomeError('too-long', 'The line is longer than a resource may be (BODY_LIMIT).');
  const value = parseJson(decodeUtf8(bytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw outcomeError('structure', 'The line is no JSON object.');
  }
  const resource = value as JsonObject;
  const { resourceType, id } = resource;
  if (typeof resourceType !== 'string' || !isResourceType(resourceType)) {
    throw outcomeError('structure', 'The line is no FHIR R4 resource: it names no resourceType of R4.');
  }
  if (expected !== undefined && resourceType !== expected) {
    throw outcomeError('invalid', `The file is said to have ${expected}; this is ${resourceType}.`);
  }
  if (resourceType === 'AuditEvent') {
    throw outcomeError('not-supported', 'AuditEvents are not imported: the log tells what happened here.');
  }
  if (id !== undefined && (typeof id !== 'string' || !isId(id))) {
    throw outcomeError('value', 'The id must have 1 to 64 letters, digits, hyphens and dots.');
  }
  return resource;
}

export function isBlank(bytes: Buffer | undefined): boolean {
  return bytes !== undefined && (bytes.length === 0 || (bytes.length < 100 && bytes.toString('latin1').trim() === ''));
}

/** The OperationOutcome of a line that was refused; it says which. */
export function refusalOf(error: unknown, place: { readonly file: string; readonly line: number }): string {
  const issues =
    error instanceof OutcomeError ? error.issues : outcomeError('exception', 'The server failed at this line.').issues;
  const where = `${place.file} line ${place.line}`;
  const told = issues.slice(0, 20).map((issue) => ({ ...issue, diagnostics: `${where}: ${issue.diagnostics ?? ''}` }));
  return JSON.stringify(operationOutcome(told));
}
