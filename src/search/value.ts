/**
 * The text of a search value: parts parted by `,`, `|` and `$`, which a backslash escapes; prefixes of ordered values.
 * https://hl7.org/fhir/R4/search.html#escaping
 */
import { outcomeError, type OutcomeError } from '../fhir/outcome.ts';
import type { Prefix } from './ast.ts';

/** The parts between unescaped separators, still escaped. */
export function split(text: string, separator: ',' | '|' | '$'): string[] {
  if (!text.includes('\\')) return text.split(separator);
  const parts = [''];
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    const last = parts.length - 1;
    if (character === '\\' && at + 1 < text.length) parts[last] += character + (text[++at] ?? '');
    else if (character === separator) parts.push('');
    else parts[last] += character;
  }
  return parts;
}

export function unescape(text: string): string {
  return text.replace(/\\([,|$\\])/g, '$1');
}

const prefixed = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[-+.\d])/;

/** The prefix of an ordered value, and the rest. */
export function prefixOf(text: string): [Prefix, string] {
  const prefix = prefixed.exec(text)?.[1];
  return prefix === undefined ? ['eq', text] : [prefix as Prefix, text.slice(2)];
}

/** A value quoted in a message; long ones are cut. */
export function quoted(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}

/** Why a value cannot be searched, naming the parameter and the rule. */
export function badValue(name: string, value: string, rule: string): OutcomeError {
  return outcomeError('invalid', `The search parameter "${name}" cannot have the value ${quoted(value)}: ${rule}`, {
    status: 400,
  });
}
