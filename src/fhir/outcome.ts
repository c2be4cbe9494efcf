/**
 * OperationOutcome and the one error class of the server.
 *
 * An OutcomeError carries issues of the FHIR value set issue-type; `statusOf` is the only place that turns an issue
 * code into an HTTP status, so pure code never speaks HTTP. https://hl7.org/fhir/R4/operationoutcome.html
 */

/** Codes of http://hl7.org/fhir/issue-type that the server uses. */
export type IssueCode =
  | 'invalid'
  | 'structure'
  | 'required'
  | 'value'
  | 'invariant'
  | 'security'
  | 'login'
  | 'unknown'
  | 'expired'
  | 'forbidden'
  | 'suppressed'
  | 'processing'
  | 'not-supported'
  | 'duplicate'
  | 'multiple-matches'
  | 'not-found'
  | 'deleted'
  | 'too-long'
  | 'code-invalid'
  | 'extension'
  | 'too-costly'
  | 'business-rule'
  | 'conflict'
  | 'transient'
  | 'lock-error'
  | 'no-store'
  | 'exception'
  | 'timeout'
  | 'incomplete'
  | 'throttled'
  | 'informational';

export type Severity = 'fatal' | 'error' | 'warning' | 'information';

export interface Issue {
  severity: Severity;
  code: IssueCode;
  /** One sentence that names the thing and the rule. */
  diagnostics: string;
  /** FHIRPath of the element concerned, e.g. `Observation.status`. */
  expression?: string[];
}

export interface OperationOutcome {
  resourceType: 'OperationOutcome';
  id?: string;
  issue: Issue[];
}

/** An error that the caller can understand; everything else that is thrown is a fault of ours (500). */
export class OutcomeError extends Error {
  readonly issues: readonly Issue[];
  /** HTTP status where the issue code alone does not decide it. */
  readonly status: number | undefined;
  /** Further HTTP headers of the answer, e.g. `retry-after` or `www-authenticate`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(issues: readonly Issue[], options: { status?: number; headers?: Record<string, string> } = {}) {
    super(issues.map((issue) => issue.diagnostics).join(' '));
    this.name = 'OutcomeError';
    this.issues = issues;
    this.status = options.status;
    this.headers = options.headers ?? {};
  }
}

/** One error issue as an OutcomeError. */
export function outcomeError(
  code: IssueCode,
  diagnostics: string,
  options: { expression?: string; status?: number; headers?: Record<string, string> } = {},
): OutcomeError {
  const issue: Issue = { severity: 'error', code, diagnostics };
  if (options.expression !== undefined) {
    issue.expression = [options.expression];
  }
  return new OutcomeError([issue], options);
}

const statuses: Partial<Record<IssueCode, number>> = {
  login: 401,
  expired: 401,
  forbidden: 403,
  security: 403,
  suppressed: 403,
  'not-found': 404,
  deleted: 410,
  conflict: 409,
  duplicate: 409,
  'multiple-matches': 412,
  'lock-error': 503,
  transient: 503,
  'no-store': 503,
  throttled: 429,
  timeout: 408,
  'too-long': 413,
  'too-costly': 413,
  exception: 500,
  required: 422,
  value: 422,
  invariant: 422,
  'code-invalid': 422,
  extension: 422,
  'business-rule': 422,
  processing: 422,
};

/** The HTTP status of an error: its own, else that of its first error issue (https://hl7.org/fhir/R4/http.html#Status-Codes). */
export function statusOf(error: OutcomeError): number {
  const first = error.issues.find((issue) => issue.severity === 'error' || issue.severity === 'fatal');
  return error.status ?? statuses[first?.code ?? 'invalid'] ?? 400;
}

/** The OperationOutcome resource of some issues; all-clear when there are none. */
export function operationOutcome(issues: readonly Issue[]): OperationOutcome {
  const none: Issue[] = [{ severity: 'information', code: 'informational', diagnostics: 'No issues.' }];
  return { resourceType: 'OperationOutcome', issue: issues.length > 0 ? [...issues] : none };
}
