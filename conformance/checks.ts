/**
 * What a case says about an answer. Every check throws a sentence that names the request, what came and what the
 * specification asks, so that a line of the report can be acted on without running the case again.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Answer } from './client.ts';

/** Thrown by a case whose precondition the specification leaves to the server. */
export class Skipped extends Error {}

export function skip(reason: string): never {
  throw new Skipped(reason);
}

export function check(condition: unknown, sentence: string): asserts condition {
  if (!condition) {
    throw new Error(sentence);
  }
}

export function same(actual: unknown, expected: unknown, what: string): void {
  check(isDeepStrictEqual(actual, expected), `${what}: expected ${brief(expected)}, got ${brief(actual)}`);
}

/** The answer has one of these statuses. */
export function status(answer: Answer, ...allowed: number[]): void {
  const got = `${answer.status} ${answer.text.slice(0, 300)}`;
  check(allowed.includes(answer.status), `${exchange(answer)}: expected ${allowed.join(' or ')}, got ${got}`);
}

/** The body is an OperationOutcome with at least one issue that has a severity and a code. */
export function outcome(answer: Answer): void {
  const body = answer.json;
  const found = body?.resourceType === 'OperationOutcome' ? body.issue : undefined;
  const issues: unknown[] = Array.isArray(found) ? found : [];
  const complete = issues.length > 0 && issues.every(isIssue);
  check(complete, `${exchange(answer)}: expected an OperationOutcome with issues, got ${answer.text.slice(0, 200)}`);
}

function isIssue(issue: unknown): boolean {
  const { severity, code } = issue as { severity?: unknown; code?: unknown };
  return typeof severity === 'string' && typeof code === 'string';
}

/** The request is refused with one of these statuses, and an OperationOutcome says why. */
export function refused(answer: Answer, ...allowed: number[]): void {
  status(answer, ...allowed);
  outcome(answer);
}

/** The request is refused with any 4xx status, and an OperationOutcome says why. */
export function rejected(answer: Answer): void {
  const refusal = answer.status >= 400 && answer.status < 500;
  check(refusal, `${exchange(answer)}: expected a 4xx, got ${answer.status} ${answer.text.slice(0, 200)}`);
  outcome(answer);
}

/** The header is there and matches. */
export function header(answer: Answer, name: string, pattern: RegExp): string {
  const value = answer.headers.get(name) ?? '';
  check(pattern.test(value), `${exchange(answer)}: header ${name} is '${value}', expected ${pattern.source}`);
  return value;
}

export function exchange(answer: Answer): string {
  return `${answer.method} ${answer.url}`;
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
