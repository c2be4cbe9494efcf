/**
 * Patient/$everything and Encounter/$everything: the resource, its compartment and what those refer to, in pages.
 * https://hl7.org/fhir/R4/patient-operation-everything.html
 *
 * `start` and `end` bound the principal clinical date of a resource; resources without one are always part of it.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { resourceTypes } from '../fhir/resource-types.ts';
import { accessOf } from '../interactions/access.ts';
import type { Call } from '../interactions/call.ts';
import { existing } from '../interactions/read.ts';
import { searchAnswer } from '../interactions/search.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import type { Answer, Context } from '../request.ts';
import { and, not, or, type Condition } from '../search/ast.ts';
import { compartmentCondition } from '../search/compartment.ts';
import { dateInterval, endless, type Interval } from '../search/interval.ts';
import type { ParameterPath, TenantParameters } from '../search/parameters.ts';
import { operationInput, type Input } from './parameters.ts';

export async function everything(context: Context, call: Call): Promise<Answer> {
  const { type, id } = call.target;
  const dates = type === 'Patient' ? ['start', 'end'] : [];
  const input = await operationInput(context, call, ['_since', '_type', '_count', '_cursor', ...dates]);
  const stored = await existing(context, { type, id });
  if (stored.text === null) {
    throw outcomeError('deleted', `${type}/${id} was deleted.`);
  }
  const parameters = searchParametersOf(context);
  const compartment: Condition = {
    kind: 'everything',
    compartment: compartmentCondition(type, id, parameters),
    within: period(input, parameters),
    types: resourceTypes,
  };
  const shown = ['start', 'end', '_since', '_type', '_count'].flatMap((name) =>
    input.texts(name).map((value): [string, string] => [name, value]),
  );
  return searchAnswer(context, call, { query: queryOf(input), compartment, access: accessOf(context), shown });
}

function queryOf(input: Input): [string, string][] {
  const query: [string, string][] = [];
  for (const name of ['_type', '_count', '_cursor']) {
    query.push(...input.texts(name).map((value): [string, string] => [name, value]));
  }
  const [since] = input.texts('_since');
  if (since !== undefined) {
    query.push(['_lastUpdated', `ge${since}`]);
  }
  return query;
}

/** @throws OutcomeError where start or end is no date. */
function period(input: Input, parameters: TenantParameters): Condition {
  const [start] = input.texts('start');
  const [end] = input.texts('end');
  if (start === undefined && end === undefined) {
    return and([]);
  }
  const paths = principalDates(parameters);
  const within = (prefix: 'ge' | 'le', interval: Interval): Condition => ({
    kind: 'date',
    paths,
    values: [{ prefix, interval }],
  });
  const dated = within('ge', { low: -endless, high: -endless });
  return or([
    not(dated),
    and([
      ...(start === undefined ? [] : [within('ge', boundary('start', start, parameters.zone))]),
      ...(end === undefined ? [] : [within('le', boundary('end', end, parameters.zone))]),
    ]),
  ]);
}

function boundary(name: string, text: string, zone: string): Interval {
  const interval = dateInterval(text, zone);
  if (interval === undefined) {
    throw outcomeError('invalid', `${name} must be a FHIR date, not "${text.slice(0, 40)}".`);
  }
  return interval;
}

/** The dates by which resources of each type are ordered. */
function principalDates(parameters: TenantParameters): ParameterPath[] {
  return resourceTypes.flatMap((type) =>
    parameters
      .of(type)
      .paths.filter((path) => path.column === 'date')
      .map((path) => ({ path, target: undefined })),
  );
}
