/**
 * Observation/$lastn: the newest Observations of each code. https://hl7.org/fhir/R4/observation-operation-lastn.html
 *
 * Input are the search parameters of Observation, by GET, as a form or as Parameters; among them a subject and something
 * about a code. The answer is a page of a search, newest first; what `search/compile-latest.ts` says decides the groups.
 */
import { decodeUtf8, type JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { accessOf } from '../interactions/access.ts';
import { mediaType, readResource } from '../interactions/body.ts';
import type { Call } from '../interactions/call.ts';
import { searchAnswer } from '../interactions/search.ts';
import { searchParametersOf } from '../interactions/search-parameters.ts';
import type { Answer, Context, Parameters } from '../request.ts';
import type { LatestCondition } from '../search/ast.ts';
import type { Parameter, TenantParameters } from '../search/parameters.ts';
import { parseSearch } from '../search/parse.ts';
import { isResultParameter } from '../search/result-parameters.ts';

export async function lastn(context: Context, call: Call): Promise<Answer> {
  const given = [...call.query, ...(await sent(context, call))];
  const parameters = searchParametersOf(context);
  const criteria = given.filter(([name]) => name !== 'max' && !isResult(name));
  checkCriteria(criteria, parameters);
  const access = accessOf(context);
  const { condition } = parseSearch('Observation', criteria, { parameters, access });
  const results = given.filter(([name]) => isResult(name));
  checkOrder(results);
  return searchAnswer(context, call, {
    type: 'Observation',
    query: results,
    compartment: latest(condition, most(given), parameters),
    access,
    shown: given.filter(([name]) => name === 'max' || !general.has(name)),
  });
}

/** Parameters of HTTP and of paging. */
const general = new Set(['_format', '_pretty', '_cursor', '_explain']);

function isResult(name: string): boolean {
  return general.has(name) || isResultParameter(name);
}

function latest(matching: LatestCondition['matching'], most: number, parameters: TenantParameters): LatestCondition {
  const code = parameters.of('Observation').byName.get('code')?.paths[0]?.path;
  if (code === undefined) throw new Error('Observation has a search parameter "code".');
  return { kind: 'latest', matching, code, most };
}

/** @throws OutcomeError where `max` is no positiveInt. */
function most(given: Parameters): number {
  const values = given.filter(([name]) => name === 'max').map(([, value]) => value);
  const [value = '1'] = values;
  if (values.length > 1 || !/^[1-9]\d{0,8}$/.test(value)) {
    throw outcomeError('invalid', `max must be one positive whole number, not "${values.join(', ').slice(0, 40)}".`, {
      status: 400,
    });
  }
  return Number(value);
}

/** What the definition demands. @throws OutcomeError 400. */
function checkCriteria(criteria: Parameters, parameters: TenantParameters): void {
  const names = criteria.filter(([, value]) => value !== '').map(([name]) => name.split(/[:.]/)[0] ?? '');
  if (!names.includes('patient') && !names.includes('subject')) {
    throw outcomeError('required', '$lastn needs a subject: the parameter patient or subject.', { status: 400 });
  }
  const known = parameters.of('Observation').byName;
  if (!names.includes('category') && !names.some((name) => isAboutCode(known.get(name)))) {
    throw outcomeError(
      'required',
      '$lastn needs a category, or a search parameter with a code such as code or code-value-concept.',
      { status: 400 },
    );
  }
}

function checkOrder(results: Parameters): void {
  if (results.some(([name]) => name.startsWith('_sort'))) {
    throw outcomeError('not-supported', '$lastn answers from the most recent to the oldest; it has no _sort.', {
      status: 400,
    });
  }
}

function isAboutCode(parameter: Parameter | undefined): boolean {
  const components = parameter?.composite.flatMap((branch) => branch.components) ?? [];
  const paths = [...(parameter?.paths ?? []), ...components.flatMap((component) => component.paths)];
  return paths.some(({ path }) => /^Observation\.(component\.)?code$/.test(path.key));
}

/** The parameters in the body of a POST. */
async function sent(context: Context, call: Call): Promise<Parameters> {
  if (call.method !== 'POST' || call.body === undefined) return [];
  if (mediaType(call.body.contentType).type === 'application/x-www-form-urlencoded') {
    return [...new URLSearchParams(decodeUtf8(await call.body.read(context.server.config.bodyLimit)))];
  }
  const { parameter } = await readResource(context, call, 'Parameters');
  return Array.isArray(parameter) ? parameter.map((part) => pair(part as JsonObject)) : [];
}

/** @throws OutcomeError where the parameter has no primitive value. */
function pair(part: JsonObject): [string, string] {
  const key = Object.keys(part).find((name) => /^value[A-Z]/.test(name));
  const value = key === undefined ? undefined : part[key];
  if (value === undefined || value === null || typeof value === 'object') {
    const name = String(part['name']).slice(0, 80);
    throw outcomeError('invalid', `The parameter "${name}" of $lastn needs a primitive value such as valueString.`, {
      status: 400,
    });
  }
  return [String(part['name']), String(value)];
}
