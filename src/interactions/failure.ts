/**
 * What went wrong, as the caller sees it: an OperationOutcome that carries the request's id.
 */
import type { JsonObject } from '../fhir/json.ts';
import { OutcomeError, operationOutcome, statusOf, type Issue } from '../fhir/outcome.ts';
import type { Log } from '../log.ts';
import type { Answer } from '../request.ts';

/** The answer of an error; what is no OutcomeError is a fault of ours, logged and told without its details. */
export function failureAnswer(error: unknown, requestId: string, log: Log): Answer {
  if (error instanceof OutcomeError) {
    return { status: statusOf(error), headers: error.headers, resource: outcomeResource(error.issues, requestId) };
  }
  log.error({ requestId, err: error }, 'unexpected error');
  const diagnostics =
    'The server failed in a way it does not know; its log names this request by the id of this outcome.';
  return {
    status: 500,
    resource: outcomeResource([{ severity: 'fatal', code: 'exception', diagnostics }], requestId),
  };
}

function outcomeResource(issues: readonly Issue[], requestId: string): JsonObject {
  const id = requestId.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 64);
  return { ...operationOutcome(issues), id } as unknown as JsonObject;
}
