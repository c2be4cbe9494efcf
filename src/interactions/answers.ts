/**
 * Answers that several interactions give: a stored resource, the outcome of a write.
 * https://hl7.org/fhir/R4/http.html#ops
 */
import { operationOutcome, outcomeError, type Issue } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeName } from '../fhir/resource-types.ts';
import { may } from './access.ts';
import type { Call } from './call.ts';
import { askedSubset, subsetAnswer } from './subset.ts';
import { showed } from './trail.ts';
import type { Answer, Context, Request } from '../request.ts';
import type { Stored } from '../store/read.ts';
import { etag, notModified, preferredReturn, type Return } from './headers.ts';

/** The headers of a version. */
export function versionHeaders(version: number, lastUpdated: string): Record<string, string> {
  return { etag: etag(version), 'last-modified': new Date(lastUpdated).toUTCString() };
}

/** A stored version as the answer of read and vread: 200, 304 where the caller has it, 410 where it is a deletion. */
export function storedAnswer({ trail, base }: Pick<Context, 'trail' | 'base'>, call: Call, stored: Stored): Answer {
  const headers = versionHeaders(stored.version, stored.lastUpdated);
  if (stored.text === null) {
    throw outcomeError('deleted', `${nameOf(stored)} was deleted.`, { headers });
  }
  showed(trail, stored, [base]);
  if (notModified(call, stored.version, stored.lastUpdated)) {
    return { status: 304, headers, lastUpdated: stored.lastUpdated };
  }
  return { status: 200, headers, lastUpdated: stored.lastUpdated, ...subsetAnswer(stored.text, askedSubset(call)) };
}

function nameOf(stored: Stored): string {
  return `${typeName(stored.type)}/${stored.id}`;
}

export interface WriteResult {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly lastUpdated: string;
  readonly created: boolean;
  /** JSON text of the version written. */
  readonly text: string;
  /** The caller may not read what was there before a patch of it. */
  readonly hidden?: boolean;
  /** What validation remarked without refusing. */
  readonly remarks: readonly Issue[];
}

/** The answer of a write, as much of it as the caller prefers. */
export function writeAnswer(context: Context, request: Request, result: WriteResult): Answer {
  const name = `${result.type}/${result.id}`;
  const location = `${context.base}/${name}/_history/${result.version}`;
  const headers: Record<string, string> = { ...versionHeaders(result.version, result.lastUpdated), location };
  const answer = { status: result.created ? 201 : 200, headers, lastUpdated: result.lastUpdated };
  switch (returnOf(context, request, result)) {
    case 'minimal':
      return answer;
    case 'OperationOutcome':
      return { ...answer, resource: writeOutcome(result) };
    case 'representation':
      return { ...answer, headers: { ...headers, 'content-location': location }, text: result.text };
  }
}

/** Of a patch the caller sent only a part: the whole is for those who may read it. */
function returnOf(
  context: Context,
  request: Request,
  { type, hidden = !may(context, 'r', type) }: WriteResult,
): Return {
  const preferred = preferredReturn(request);
  return request.method === 'PATCH' && hidden && preferred === 'representation' ? 'minimal' : preferred;
}

function writeOutcome(result: WriteResult): JsonObject {
  const verb = result.created ? 'created' : 'updated';
  const done: Issue = {
    severity: 'information',
    code: 'informational',
    diagnostics: `${result.type}/${result.id} was ${verb} as version ${result.version}.`,
  };
  return operationOutcome([done, ...result.remarks]) as unknown as JsonObject;
}
