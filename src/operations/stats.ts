/**
 * Observation/$stats: statistics over the values of a subject. https://hl7.org/fhir/R4/observation-operation-stats.html
 *
 * The Observations are found by one search under the caller's access; stats-measurements.ts says which of their values
 * count, stats-numbers.ts calculates. `regression` has two results and one code: two components, told apart by their text.
 */
import { setMember, type JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { accessOf } from '../interactions/access.ts';
import type { Call } from '../interactions/call.ts';
import { parseStored } from '../interactions/document.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import { showed } from '../interactions/trail.ts';
import type { Answer, Context } from '../request.ts';
import { and, or, type Condition, type Search } from '../search/ast.ts';
import { compare, type Decimal } from '../fhir/decimal.ts';
import { parseSearch } from '../search/parse.ts';
import { findMatches } from '../store/search.ts';
import { statsInput, type StatsInput } from './stats-input.ts';
import {
  inOneUnit,
  measure,
  perDay,
  squared,
  type Coding,
  type Measurements,
  type Sample,
} from './stats-measurements.ts';
import { plainText, statistics, type Statistic } from './stats-numbers.ts';
import { regression } from './stats-regression.ts';

/** Observations in one answer: their texts are in memory at once (a guess: some ten megabytes). */
const mostObservations = 10_000;

const codeSystem = 'http://terminology.hl7.org/CodeSystem/observation-statistics';

export async function stats(context: Context, call: Call): Promise<Answer> {
  const input = await statsInput(context, call);
  const found = await findMatches(context.session, searchFor(context, input), mostObservations + 1);
  if (found.length > mostObservations) {
    throw outcomeError('too-costly', `More than ${mostObservations} Observations match; ask for a shorter period.`);
  }
  found.forEach((stored) => showed(context.trail, stored));
  const { groups, sources } = measure(
    found.map(({ text }) => parseStored(text ?? '{}')),
    { codings: input.codings, zone: context.tenant.settings.timezone ?? 'UTC' },
  );
  const parameter = [
    ...groups.map((group) => ({ name: 'statistics', resource: resultOf(group, input) })),
    ...sources.slice(0, input.include).map((resource) => ({ name: 'source', resource })),
  ];
  return { status: 200, resource: { resourceType: 'Parameters', parameter } };
}

/** The Observations with one of the codes, in themselves or in a component, and the members of panels with one. */
function searchFor(context: Context, { subject, codings, dates }: StatsInput): Search {
  const options = { parameters: searchParametersOf(context), access: accessOf(context) };
  const codes = codings.map(({ system, code }) => `${escaped(system)}|${escaped(code)}`).join();
  const common: [string, string][] = [['subject', escaped(subject)], ['status:not', 'entered-in-error'], ...dates];
  const condition = (...query: [string, string][]): Condition => parseSearch('Observation', query, options).condition;
  const panel = condition(...common, ['code', codes]);
  const member = condition(['_has:Observation:has-member:code', codes]);
  if (member.kind !== 'has') throw new Error('_has is a condition of its own kind.');
  const search = parseSearch('Observation', common, options);
  const either = or([condition(['combo-code', codes]), { ...member, condition: panel }]);
  return { ...search, condition: and([search.condition, either]) };
}

function escaped(value: string): string {
  return value.replaceAll(/[\\,$|]/g, (character) => `\\${character}`);
}

function resultOf(group: Measurements, { subject, period, codes }: StatsInput): JsonObject {
  const sample = inOneUnit(group);
  const sorted = sample.numbers.toSorted(compare);
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [codingObject(group.coding)] },
    subject: { reference: subject },
    ...(period && { effectivePeriod: period }),
    component: codes.flatMap((code) => components(code, group, { ...sample, numbers: sorted })),
  };
}

function codingObject({ system, code, display }: Coding): JsonObject {
  return { system, code, ...(display !== undefined && { display }) };
}

function components(code: string, group: Measurements, sample: Sample): JsonObject[] {
  return code === 'regression' ? regressionComponents(sample) : [component(code, group, sample)];
}

function regressionComponents({ points, code, unit }: Sample): JsonObject[] {
  const coding = [{ system: codeSystem, code: 'regression', display: 'Regression' }];
  const line = regression(points);
  if (line === undefined) return [{ code: { coding }, dataAbsentReason: notApplicable }];
  const daily = perDay(code);
  const change = { unit: `${unit}/d`, ...(daily !== undefined && { system: ucum, code: daily }) };
  const at = new Date(line.origin).toISOString();
  return [
    { code: { coding, text: 'Gradient per day' }, valueQuantity: numbered(line.gradient, change) },
    {
      code: { coding, text: `Intercept at ${at}` },
      valueQuantity: numbered(line.intercept, { unit, system: ucum, code }),
    },
  ];
}

function component(code: string, { total }: Measurements, sample: Sample): JsonObject {
  const statistic = statistics[code];
  if (statistic === undefined) throw new Error(`The statistic ${code} was checked.`);
  const coding = { coding: [{ system: codeSystem, code, display: statistic.display }] };
  const value =
    code === 'total-count' ? { digits: BigInt(total), exponent: 0 } : numberOf(code, statistic, sample.numbers);
  return value === undefined
    ? { code: coding, dataAbsentReason: notApplicable }
    : { code: coding, valueQuantity: quantity(value, statistic, sample) };
}

const notApplicable: JsonObject = {
  coding: [
    {
      system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason',
      code: 'not-applicable',
      display: 'Not Applicable',
    },
  ],
};

/** Without any value nothing can be said but their number. */
function numberOf(code: string, statistic: Statistic, sorted: readonly Decimal[]): Decimal | undefined {
  return sorted.length > 0 || code === 'count' ? statistic.of(sorted) : undefined;
}

const ucum = 'http://unitsofmeasure.org';

function quantity(value: Decimal, { unit: kind }: Statistic, { code, unit }: Sample): JsonObject {
  const square = squared(code);
  const units: Record<Statistic['unit'], JsonObject> = {
    none: { unit: '1', system: ucum, code: '1' },
    same: { unit, system: ucum, code },
    squared: { unit: `(${unit})2`, ...(square !== undefined && { system: ucum, code: square }) },
  };
  return numbered(value, units[kind]);
}

function numbered(value: Decimal, unit: JsonObject): JsonObject {
  const made: JsonObject = {};
  const text = plainText(value);
  setMember(made, 'value', Number(text), text);
  return Object.assign(made, unit);
}
