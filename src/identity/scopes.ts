/**
 * What an application gets of the scopes that it asks for, before the person is asked. Pure.
 * https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
 *
 * 1. Nothing beyond what the application was registered with: of a scope that goes further, the part that does not.
 * 2. A scope that is asked for in the words of v1 is granted in them, where it is granted whole.
 * 3. What is no scope is left out, as OAuth says; the answer tells what was granted.
 */
import { parseScope, scopeText, type Scope } from '../access/scopes.ts';
import { OutcomeError } from '../fhir/outcome.ts';

/** A scope for resources; undefined for any other word. */
export function resourceScope(word: string): Scope | undefined {
  try {
    return parseScope(word);
  } catch (error) {
    if (error instanceof OutcomeError) return undefined;
    throw error;
  }
}

export function scopeWords(text: string | undefined): string[] {
  return (text ?? '').split(' ').filter(Boolean);
}

/** In the order asked. */
export function grantable(asked: string | undefined, allowed: string): string[] {
  const most = scopeWords(allowed);
  const limits = most.map(resourceScope).filter((scope) => scope !== undefined);
  return [
    ...new Set(
      scopeWords(asked).flatMap((word) => {
        if (most.includes(word)) return [word];
        const scope = resourceScope(word);
        return scope === undefined ? [] : limits.flatMap((limit) => commonPart(word, scope, limit));
      }),
    ),
  ];
}

function commonPart(word: string, asked: Scope, limit: Scope): string[] {
  if (asked.context !== limit.context) return [];
  if (asked.type !== '*' && limit.type !== '*' && asked.type !== limit.type) return [];
  const permissions = [...asked.permissions].filter((letter) => limit.permissions.includes(letter)).join('');
  if (permissions === '') return [];
  const type = asked.type === '*' ? limit.type : asked.type;
  const filters = [...new Set([asked.filter, limit.filter].filter((filter) => filter !== undefined))];
  const whole = type === asked.type && permissions === asked.permissions && filters.join('&') === (asked.filter ?? '');
  if (whole) return [word];
  const filter = filters.join('&');
  return [scopeText({ context: asked.context, type, permissions, ...(filter !== '' && { filter }) })];
}

/** Scopes of an application that acts for a person: what is of the system itself is not among them. */
export function forPeople(words: readonly string[]): string[] {
  return words.filter((word) => !word.startsWith('system/'));
}

/** Scopes of an application that acts for itself (backend services). */
export function forItself(words: readonly string[]): string[] {
  return words.filter((word) => word.startsWith('system/') || word.startsWith('manage/'));
}

/** Whether a patient must be in context for these to mean something. */
export function needsPatient(words: readonly string[]): boolean {
  return words.some((word) => word === 'launch/patient' || word.startsWith('patient/'));
}
