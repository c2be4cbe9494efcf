/** What the laboratory's operations take, each with the sentence that refuses another. */
import { outcomeError } from '../../fhir/outcome.ts';
import { isId } from '../../fhir/reference.ts';
import { text as textOf } from '../../laboratory/terms.ts';
import { optional } from '../administer.ts';
import type { Input } from '../parameters.ts';

/** A local reference to one of some types: `Practitioner/7`, as a Reference or as text. */
export function referenceIn(input: Input, name: string, types: readonly string[]): string | undefined {
  const [one, second] = referencesIn(input, name, types);
  if (second === undefined) return one;
  throw outcomeError('invalid', `${name} is given once.`, { status: 400 });
}

export function referencesIn(input: Input, name: string, types: readonly string[]): string[] {
  const complex = input.values(name).map((value) => textOf(value['reference']) ?? '');
  const given = complex.length > 0 ? complex : input.texts(name);
  for (const reference of given) {
    const [type = '', id = '', ...rest] = reference.split('/');
    if (types.includes(type) && isId(id) && rest.length === 0) continue;
    throw outcomeError('invalid', `${name} is a reference such as ${types[0]}/7, not "${reference.slice(0, 80)}".`, {
      status: 400,
    });
  }
  return given;
}

/** A number that is not negative. */
export function numberIn(input: Input, name: string, largest: number): number | undefined {
  const text = optional(input, name);
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value <= largest) return value;
  throw outcomeError('invalid', `${name} is a number from 0 to ${largest}, not "${text.slice(0, 40)}".`, {
    status: 400,
  });
}

/** A time that is not in the future; now without one. Clocks of people may differ by five minutes: a guess. */
export function timeIn(input: Input, name: string, now: Date): string {
  const text = optional(input, name);
  if (text === undefined) return now.toISOString();
  const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const time = zoned ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) {
    const sentence = `${name} is a time with a zone such as 2026-01-31T08:15:00+03:00, not "${text.slice(0, 40)}".`;
    throw outcomeError('invalid', sentence, { status: 400 });
  }
  if (time <= now.getTime() + 300_000) return text;
  throw outcomeError('business-rule', `${name} is ${text}, which is still to come.`);
}
