/**
 * The place in a JSON text and the refusals that name it; shared by the parser (json-parse.ts) and its strings
 * (json-string.ts).
 */
import { outcomeError, type IssueCode, type OutcomeError } from './outcome.ts';

export interface Reader {
  readonly text: string;
  /** Deepest nesting allowed. */
  readonly depth: number;
  /** Index of the next character. */
  at: number;
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** The refusal of what stands at the reader's place: 400, with line and column counted from 1. */
export function refusal(reader: Reader, code: IssueCode, rule: string): OutcomeError {
  const before = reader.text.slice(0, reader.at);
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  return outcomeError(code, `The JSON is refused at line ${line}, column ${column}: ${rule}.`, { status: 400 });
}

export function unexpected(reader: Reader, expected: string): OutcomeError {
  return refusal(reader, 'structure', `${expected} is expected, not ${found(reader)}`);
}

function found(reader: Reader): string {
  const code = reader.text.codePointAt(reader.at);
  if (code === undefined) {
    return 'the end of the text';
  }
  const printable = code > 32 && code < 127;
  return printable ? `"${String.fromCodePoint(code)}"` : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A text for a diagnostic: at most 40 characters of it. */
export function shortened(text: string): string {
  const characters = Array.from(text.slice(0, 82));
  return characters.length > 40 ? `${characters.slice(0, 39).join('')}…` : text;
}
