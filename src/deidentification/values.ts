/** What is done with a value: `undefined` leaves it out. Pure. */
import { numberText, setMember, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { isObject } from '../fhir/path/node.ts';
import { parseReference } from '../fhir/reference.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { rules, type Deed } from './rules.ts';
import { sharedAmong } from './shared-codes.ts';

export interface Project {
  readonly pseudonyms: Pseudonyms;
  readonly dates: 'shift' | 'year';
  /** The FHIR base of the laboratory: references to it are local. */
  readonly base: string;
  /** FHIR instant: ages are of then. */
  readonly moment: string;
  /** Areas that so many patients share that they tell of none. */
  readonly areas: Areas;
  /** `system|code` of what so many patients have that it tells of none (shared-codes.ts). */
  readonly shared: ReadonlySet<string>;
}

export interface Areas {
  readonly countries: ReadonlySet<string>;
  /** `country|state`. */
  readonly states: ReadonlySet<string>;
  /** `country|state|beginning of the postal code`. */
  readonly postalCodes: ReadonlySet<string>;
}

export interface Place {
  readonly project: Project;
  /** Days that the dates of this patient are shifted by. */
  readonly days: number;
}

type Change = (value: JsonValue, place: Place) => JsonValue | undefined;

export const changes: Readonly<Record<Deed, Change>> = {
  area: () => undefined,
  birthDate,
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  // Codes of value sets that FHIR binds: words. What has a digit in it is none.
  code: (value) => (typeof value === 'string' && /^[A-Za-z][A-Za-z-]{0,39}$/.test(value) ? value : undefined),
  coding,
  date,
  instant: (value, place) => (place.project.dates === 'year' ? undefined : date(value, place)),
  integer: (value) => (typeof value === 'number' && Number.isInteger(value) ? value : undefined),
  quantity,
  reference,
  sharedCoding,
};

const dayLength = 86_400_000;

/** A date without a day loses its month too: shifted by days it could only be a guess. */
function date(value: JsonValue, { project, days }: Place): JsonValue | undefined {
  const [, year, day, time] =
    /^(\d{4})(?:-\d\d)?$|^(\d{4}-\d\d-\d\d)(T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$/.exec(String(value)) ?? [];
  if (year !== undefined) return year;
  if (day === undefined) return undefined;
  if (project.dates === 'year') return day.slice(0, 4);
  const from = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(from)) return undefined;
  return `${new Date(from + days * dayLength).toISOString().slice(0, 10)}${time ?? ''}`;
}

/** The year; of whoever may be older than the rules say, nothing. */
function birthDate(value: JsonValue, { project }: Place): JsonValue | undefined {
  const [year] = /^\d{4}/.exec(String(value)) ?? [];
  if (year === undefined) return undefined;
  return Number(project.moment.slice(0, 4)) - Number(year) > rules.oldest ? undefined : year;
}

/** Of code systems that are published, and only what can be a code of them. Its display may be anybody's words. */
function coding(value: JsonValue): { system: string; code: string } | undefined {
  if (!isObject(value)) return undefined;
  const { system, code } = value;
  if (typeof system !== 'string' || typeof code !== 'string') return undefined;
  return isKnown(system, code) ? { system, code } : undefined;
}

function sharedCoding(value: JsonValue, { project }: Place): JsonValue | undefined {
  const known = coding(value);
  const told = known && sharedAmong(project.shared, known);
  return told && { ...told };
}

function isKnown(system: string, code: string): boolean {
  const rule = rules.codeSystems.find(({ address, isPrefix }) =>
    isPrefix
      ? system.startsWith(address) && /^[A-Za-z-]{1,60}$|^v[23]-[A-Za-z0-9]{1,60}$/.test(system.slice(address.length))
      : system === address,
  );
  return rule?.codes.test(code) === true;
}

const ucum = 'http://unitsofmeasure.org';
const comparators: ReadonlySet<unknown> = new Set(['<', '<=', '>=', '>']);
const years: ReadonlySet<unknown> = new Set(['a', 'a_j', 'a_g', 'a_t']);

/** With its digits. A unit that is not UCUM's is words of somebody; the number alone would be another quantity. */
function quantity(given: JsonValue): JsonValue | undefined {
  if (!isObject(given)) return undefined;
  const { value, comparator, system, code, unit } = given;
  if (typeof value !== 'number') return undefined;
  const isUnit = system === ucum && typeof code === 'string' && isKnown(ucum, code);
  if (!isUnit && (code !== undefined || unit !== undefined)) return undefined;
  if (years.has(code) && value > rules.oldest) return undefined;
  const kept: JsonObject = {};
  setMember(kept, 'value', value, numberText(given, 'value'));
  if (comparators.has(comparator)) kept['comparator'] = comparator as string;
  return isUnit ? Object.assign(kept, { unit: code, system: ucum, code }) : kept;
}

/** To resources that can be in the same export, by their pseudonyms. */
function reference(value: JsonValue, { project }: Place): JsonValue | undefined {
  const target = isObject(value) ? localTarget(value['reference'], project.base) : undefined;
  if (target === undefined || !rules.resources.has(target.type)) return undefined;
  return { reference: `${target.type}/${project.pseudonyms.idOf(target.type, target.id)}` };
}

export function localTarget(text: JsonValue | undefined, base: string): { type: string; id: string } | undefined {
  if (typeof text !== 'string') return undefined;
  const parsed = parseReference(text, [base]);
  return parsed?.kind === 'local' ? { type: parsed.type, id: parsed.id } : undefined;
}

/** Of the first address what many share: its country, in that its state, in that the beginning of its postal code. */
export function areaOf(addresses: JsonValue | undefined, { areas }: Project): JsonObject | undefined {
  const [first] = Array.isArray(addresses) ? addresses : [];
  if (!isObject(first)) return undefined;
  const { country, state, postalCode } = first;
  if (typeof country !== 'string' || !areas.countries.has(country)) return undefined;
  if (typeof state !== 'string' || !areas.states.has(`${country}|${state}`)) return { country };
  const beginning = typeof postalCode === 'string' ? postalCode.slice(0, rules.postalPrefix) : '';
  if (beginning === '' || !areas.postalCodes.has(`${country}|${state}|${beginning}`)) return { state, country };
  return { state, postalCode: beginning, country };
}
