/**
 * The measurements in Observations, by code: what Observation/$stats counts and calculates with.
 * https://hl7.org/fhir/R4/observation-operation-stats.html
 *
 * 1. A requested code takes the values of Observations and of components that have it.
 * 2. An Observation with a requested code is a panel too: its components, and the Observations that it names as members,
 *    are measurements of their own codes.
 * 3. Only values with a UCUM unit and without comparator count; what has a modifier extension might mean something else
 *    and does not. The others are counted by total-count only.
 * 4. The values of one code are brought to the unit of its newest value; where none leads to it, that is an error.
 */
import { numberText, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { parseDecimal, subtract, type Decimal } from '../fhir/decimal.ts';
import { canonicalUnit, ucumSystem } from '../search/ucum.ts';
import { quotient } from './stats-numbers.ts';
import { clinicalTime, type Point } from './stats-regression.ts';

export interface Coding {
  readonly system: string;
  readonly code: string;
  readonly display?: string;
}

interface Value {
  /** Milliseconds since 1970. */
  readonly time: number | undefined;
  readonly number: Decimal;
  readonly code: string;
  readonly unit: string;
}

export interface Measurements {
  readonly coding: Coding;
  readonly asked: boolean;
  /** Of Observations and components with the code, with a value that counts or not. */
  total: number;
  /** Newest first. */
  readonly values: Value[];
}

/** What each Observation adds, and which of them contributed. @param observations newest first */
export function measure(
  observations: readonly JsonObject[],
  { codings: asked, zone }: { readonly codings: readonly Coding[]; readonly zone: string },
): { groups: Measurements[]; sources: JsonObject[] } {
  const groups = new Map<string, Measurements>(
    asked.map((coding) => [keyOf(coding), { coding, asked: true, total: 0, values: [] }]),
  );
  const sources = observations.filter((observation) => {
    const found = measurementsOf(observation, asked).map((measurement) =>
      take(groups, { ...measurement, observation, zone }),
    );
    return found.includes(true);
  });
  const all = [...groups.values()];
  const panels = all.some((group) => !group.asked);
  return { groups: all.filter((group) => !panels || !group.asked || group.total > 0), sources };
}

const keyOf = ({ system, code }: Coding): string => `${system}|${code.toLowerCase()}`;

interface Measurement {
  readonly coding: Coding;
  /** The Observation or its component. */
  readonly holder: JsonObject;
}

function measurementsOf(observation: JsonObject, asked: readonly Coding[]): Measurement[] {
  const components = list(observation['component']);
  const own = matching(observation, asked);
  const direct = [
    ...own.map((coding) => ({ coding, holder: observation })),
    ...components.flatMap((holder) => matching(holder, asked).map((coding) => ({ coding, holder }))),
  ];
  if (direct.length > 0 && own.length === 0) return direct;
  // A panel, or the member of one.
  const parts = components.filter((holder) => matching(holder, asked).length === 0);
  const others = own.length === 0 ? [observation, ...parts] : parts;
  return [
    ...direct,
    ...others.flatMap((holder) =>
      codingsOf(holder)
        .slice(0, 1)
        .map((coding) => ({ coding, holder })),
    ),
  ];
}

function matching(holder: JsonObject, asked: readonly Coding[]): Coding[] {
  const keys = new Set(codingsOf(holder).map(keyOf));
  return asked.filter((coding) => keys.has(keyOf(coding)));
}

function codingsOf(holder: JsonObject): Coding[] {
  return list((holder['code'] as JsonObject | undefined)?.['coding']).flatMap(({ system, code, display }) =>
    typeof code === 'string' && typeof system === 'string'
      ? [{ system, code, ...(typeof display === 'string' && { display }) }]
      : [],
  );
}

function list(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as JsonObject[]) : [];
}

interface Taken extends Measurement {
  readonly observation: JsonObject;
  readonly zone: string;
}

/** Whether the value counts. */
function take(groups: Map<string, Measurements>, { coding, holder, observation, zone }: Taken): boolean {
  const group = groups.get(keyOf(coding)) ?? { coding, asked: false, total: 0, values: [] };
  const value = valueOf(holder);
  // The heading of a panel is no measurement.
  if (value === undefined && holder === observation && isPanel(observation)) return false;
  groups.set(keyOf(coding), group);
  group.total += 1;
  const modified = holder['modifierExtension'] !== undefined || observation['modifierExtension'] !== undefined;
  if (value === undefined || modified) return false;
  group.values.push({ ...value, time: clinicalTime(observation, zone) });
  return true;
}

function isPanel(observation: JsonObject): boolean {
  return list(observation['component']).length > 0 || list(observation['hasMember']).length > 0;
}

function valueOf(holder: JsonObject): Omit<Value, 'time'> | undefined {
  const quantity = holder['valueQuantity'] as JsonObject | undefined;
  if (quantity === undefined || typeof quantity['value'] !== 'number') return undefined;
  const { code, system, unit, comparator, modifierExtension } = quantity;
  if (system !== ucumSystem || typeof code !== 'string' || canonicalUnit(code) === undefined) return undefined;
  if (comparator !== undefined || modifierExtension !== undefined) return undefined;
  const number = parseDecimal(numberText(quantity, 'value'));
  return number && { number, code, unit: typeof unit === 'string' ? unit : code };
}

export interface Sample {
  /** Ascending order is the caller's. */
  readonly numbers: Decimal[];
  /** The numbers whose time is known. */
  readonly points: readonly Point[];
  readonly code: string;
  readonly unit: string;
}

/** The values in one unit. @throws OutcomeError where a unit does not lead to that of the newest value. */
export function inOneUnit({ coding, values }: Measurements): Sample {
  const [newest] = values;
  if (newest === undefined) return { numbers: [], points: [], code: '1', unit: '1' };
  const numbers = values.map(({ number, code }) => {
    if (code === newest.code) return number;
    const found = converted(number, code, newest.code);
    if (found !== undefined) return found;
    throw outcomeError(
      'processing',
      `The values of ${coding.system}|${coding.code} are in ${newest.code.slice(0, 40)} and in ${code.slice(0, 40)}, which do not convert into each other; ask for a period with one of them.`,
    );
  });
  const points = numbers.flatMap((value, i) => {
    const time = values[i]?.time;
    return time === undefined ? [] : [{ time, value }];
  });
  return { numbers, points, code: newest.code, unit: newest.unit };
}

/** By the canonical unit of both; its conversion is linear, with an offset for temperatures. */
function converted(value: Decimal, from: string, to: string): Decimal | undefined {
  const [source, target] = [canonicalUnit(from), canonicalUnit(to)];
  if (source === undefined || target === undefined || source.key !== target.key) return undefined;
  const offset = target.convert({ digits: 0n, exponent: 0 });
  const factor = subtract(target.convert({ digits: 1n, exponent: 0 }), offset);
  return quotient(subtract(source.convert(value), offset), factor);
}

/** The unit of squares: `(mmol/L).(mmol/L)`, because UCUM raises no terms; none where a unit, as °C, has no powers. */
export function squared(code: string): string | undefined {
  return ordinary(code, code === '1' ? '1' : `(${code}).(${code})`);
}

/** The unit of what changes in a day: `mmol/L/d`. */
export function perDay(code: string): string | undefined {
  return ordinary(code, `${code}/d`);
}

function ordinary(code: string, found: string): string | undefined {
  const special = canonicalUnit(code)?.key.startsWith('special') === true || temperatures.has(code);
  return special || canonicalUnit(found) === undefined ? undefined : found;
}

const temperatures = new Set(['Cel', '[degF]']);
