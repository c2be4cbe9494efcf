/** Members of a driver's JSON, each with its path for the sentence that refuses it. */
import { withBothCases } from './letter-case.ts';

export interface Json {
  readonly value: unknown;
  /** `sysmex-xp.rules[2].set` */
  readonly path: string;
}

/** What a driver says is not understood. */
export class DriverFault extends Error {
  override readonly name = 'DriverFault';
}

/** @param names members that there may be; any where it is left out */
export function record({ value, path }: Json, names?: readonly string[]): { [name: string]: Json } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DriverFault(`${path} must be an object.`);
  }
  const unknown = Object.keys(value).find((name) => names?.includes(name) === false);
  if (unknown !== undefined) throw new DriverFault(`${path} has no member ${unknown}.`);
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, { value: one as unknown, path: `${path}.${name}` }]),
  );
}

export function optional<One>(json: Json | undefined, read: (json: Json) => One): One | undefined {
  return json === undefined ? undefined : read(json);
}

export function text({ value, path }: Json): string {
  if (typeof value !== 'string') throw new DriverFault(`${path} must be a text.`);
  return value;
}

export function choice<Choice extends string>(json: Json, choices: readonly Choice[]): Choice {
  const found = choices.find((one) => one === json.value);
  if (found === undefined) throw new DriverFault(`${json.path} must be one of ${choices.join(', ')}.`);
  return found;
}

export function list<One>({ value, path }: Json, read: (json: Json) => One): One[] {
  if (!Array.isArray(value)) throw new DriverFault(`${path} must be a list.`);
  return value.map((one: unknown, at) => read({ value: one, path: `${path}[${at}]` }));
}

export function pattern(json: Json): RegExp {
  const written = text(json);
  try {
    return new RegExp(withBothCases(written), 'u');
  } catch {
    throw new DriverFault(`${json.path} is no regular expression.`);
  }
}

/** `["pattern", "replacement"]`: wherever it is found. */
export function replacement(json: Json): { readonly matches: RegExp; readonly by: string } {
  const [first, second, ...others] = list(json, (one) => one);
  if (first === undefined || second === undefined || others.length > 0) {
    throw new DriverFault(`${json.path} must be a pattern and what replaces it.`);
  }
  return { matches: new RegExp(pattern(first).source, 'gu'), by: text(second) };
}
