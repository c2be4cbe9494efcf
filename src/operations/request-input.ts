/** Values that the operations on data-subject requests take, each with the sentence that refuses another. */
import { outcomeError } from '../fhir/outcome.ts';
import { languageOf } from '../pages/texts/language.ts';
import { identityChecks, rights, type IdentityCheck, type Right } from '../privacy/request-task.ts';
import { optional } from './administer.ts';
import type { Input } from './parameters.ts';

/** @throws OutcomeError `invalid`, or `required` */
export function rightOf(input: Input): Right {
  return oneOf(input, 'type', Object.keys(rights) as Right[]) ?? missing('type');
}

export function identityOf(input: Input): IdentityCheck | undefined {
  return oneOf(input, 'identity', identityChecks);
}

export function oneOf<T extends string>(input: Input, name: string, known: readonly T[]): T | undefined {
  const text = optional(input, name);
  if (text === undefined) return undefined;
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw outcomeError('invalid', `${name} is one of ${known.join(', ')}, not "${text.slice(0, 40)}".`, { status: 400 });
}

export function missing(name: string): never {
  throw outcomeError('required', `The parameter ${name} is missing.`, { status: 400 });
}

/** `Patient/7`, given as a Reference or as text; the id. */
export function patientOf(input: Input): string | undefined {
  const given = input.value('patient');
  const text = given === undefined ? optional(input, 'patient') : String(given['reference'] ?? '');
  if (text === undefined) return undefined;
  const id = /^Patient\/([A-Za-z0-9.-]{1,64})$/.exec(text)?.[1];
  if (id !== undefined) return id;
  throw outcomeError('invalid', `patient is a reference such as Patient/7, not "${text.slice(0, 80)}".`, {
    status: 400,
  });
}

/** Free text of so many characters. */
export function textOf(input: Input, name: string, longest: number): string | undefined {
  const text = optional(input, name)?.trim();
  if (text === undefined || text === '') return undefined;
  if (text.length <= longest && !text.includes('\0') && text.isWellFormed()) return text;
  throw outcomeError('invalid', `${name} takes up to ${longest} characters.`, { status: 400 });
}

export function languageIn(input: Input): string | undefined {
  const text = optional(input, 'language');
  if (text === undefined) return undefined;
  const language = languageOf(text);
  if (language !== undefined) return language;
  throw outcomeError('invalid', `language is en, fr or ar, not "${text.slice(0, 40)}".`, { status: 400 });
}

const day = 86_400_000;

/** When the request came: the month is counted from it. */
export function receivedOf(input: Input, now: number): Date {
  const text = optional(input, 'received');
  if (text === undefined) return new Date(now);
  const time = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (time <= now && time > now - 3650 * day) return new Date(time);
  throw outcomeError('invalid', 'received is a date, or an instant with its zone, and not in the future.', {
    status: 400,
  });
}
