/**
 * Which slice of an element a value belongs to, by its discriminators.
 * https://hl7.org/fhir/R4/profiling.html#discriminator
 */
import { memberOf } from '../terminology.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { isFixed, matchesPattern } from './pattern.ts';
import type { Discriminator, Rule, Slicing } from './profile-rule.ts';
import { type Held, valuesOf } from './profile-value.ts';
import { isObject } from './type.ts';

/** What a profile of an extension or data type says, for slices that are told apart by it. */
export interface ProfileLookup {
  /** Whether a value conforms to a profile; undefined when the profile is not held. */
  conforms: (item: Held, profile: string) => boolean | undefined;
}

/** Undefined: the value does not tell, as with references to resources that are not at hand. */
type Answer = boolean | undefined;

function both(left: Answer, right: Answer): Answer {
  if (left === false || right === false) return false;
  return left === undefined || right === undefined ? undefined : true;
}

function steps(path: string): string[] {
  const normal = path.replace(/extension\('([^']*)'\)/g, 'extension').replace(/\.?ofType\([^)]*\)/g, '');
  return normal === '$this' || normal === '' ? [] : normal.split('.').filter((step) => step !== '$this');
}

/** Values at a discriminator's path; undefined when it leads through a reference. */
function valuesAt(items: readonly Held[], path: readonly string[]): Held[] | undefined {
  let found = [...items];
  for (const step of path) {
    if (step === 'resolve()') return undefined;
    found = found.flatMap(({ members, shape }) =>
      members === undefined || shape === undefined ? [] : valuesOf(members, shape, step),
    );
  }
  return found;
}

/** Rules at a discriminator's path: of the element itself and of the slices that it demands on the way. */
function rulesAt(rule: Rule, path: readonly string[]): Rule[] {
  let found = [rule];
  for (const step of path) {
    found = found.flatMap(({ children }) =>
      children
        .filter(({ name }) => name === step || name === `${step}[x]`)
        .flatMap((child) => [child, ...child.slices]),
    );
  }
  return found;
}

interface Expectation {
  test: (value: JsonValue | undefined) => Answer;
}

function codeIn(value: JsonValue | undefined, valueSet: string): Answer {
  const answerFor = (system: JsonValue | undefined, code: JsonValue | undefined): Answer => {
    if (typeof code !== 'string') return false;
    const answer = memberOf(valueSet, typeof system === 'string' ? system : undefined, code);
    return answer === 'unknown' ? undefined : answer;
  };
  if (!isObject(value)) return answerFor(undefined, value);
  const codings = Array.isArray(value['coding']) ? value['coding'] : [value];
  return codings.some((coding) => isObject(coding) && answerFor(coding['system'], coding['code']) === true);
}

function expectationOf(rule: Rule): Expectation | undefined {
  const { fixed, pattern, binding } = rule;
  if (fixed !== undefined) return { test: (value) => isFixed(value, fixed) };
  if (pattern !== undefined) return { test: (value) => matchesPattern(value, pattern) };
  if (binding?.strength === 'required') return { test: (value) => codeIn(value, binding.valueSet) };
  return undefined;
}

/**
 * What a slice expects below a path: a pattern of the slice may cover the path from above (`category` with a pattern,
 * told apart by `coding.code`).
 */
function expectationsAt(rule: Rule, path: readonly string[]): Expectation[] {
  const direct = rulesAt(rule, path)
    .map(expectationOf)
    .filter((item) => item !== undefined);
  if (direct.length > 0) return direct;
  const covering = rule.pattern ?? rule.fixed;
  const values = covering === undefined ? [] : membersAt(covering, path);
  return values.map((wanted) => ({ test: (value) => matchesPattern(value, wanted) }));
}

function membersAt(value: JsonValue, path: readonly string[]): JsonValue[] {
  return path.reduce<JsonValue[]>(
    (found, step) =>
      found.flatMap((item) => (isObject(item) && item[step] !== undefined ? [item[step] as JsonValue].flat() : [])),
    [value],
  );
}

function byValue(item: Held, rule: Rule, path: readonly string[], lookup: ProfileLookup): Answer {
  const expected = expectationsAt(rule, path);
  if (expected.length === 0) return byProfile(item, rule, lookup);
  const values = valuesAt([item], path);
  if (values === undefined) return undefined;
  return expected.some(({ test }) => values.some(({ value }) => test(value) === true));
}

function byProfile(item: Held, rule: Rule, lookup: ProfileLookup): Answer {
  const profiles = rule.types.flatMap((type) => type.profiles ?? []);
  if (profiles.length === 0) return undefined;
  const answers = profiles.map((profile) => lookup.conforms(item, profile));
  return answers.includes(true) || (answers.includes(undefined) ? undefined : false);
}

function byType(item: Held, rule: Rule, path: readonly string[]): Answer {
  const values = valuesAt([item], path);
  if (values === undefined) return undefined;
  const wanted = path.length === 0 ? rule.types : rulesAt(rule, path).flatMap(({ types }) => types);
  if (wanted.length === 0) return undefined;
  return values.some((found) => wanted.some(({ code }) => code === typeOf(found)));
}

function typeOf({ property, value }: Held): string {
  const type = property.type.code === 'Resource' && isObject(value) ? (value as JsonObject)['resourceType'] : undefined;
  return typeof type === 'string' ? type : property.type.code;
}

function byExistence(item: Held, rule: Rule, path: readonly string[]): Answer {
  const values = valuesAt([item], path);
  const found = rulesAt(rule, path);
  if (values === undefined || found.length === 0) return undefined;
  if (found.some(({ max }) => max === 0)) return values.length === 0;
  return found.some(({ min }) => min > 0) ? values.length > 0 : undefined;
}

function answerOf(item: Held, rule: Rule, { type, path }: Discriminator, lookup: ProfileLookup): Answer {
  const way = steps(path);
  switch (type) {
    case 'value':
    case 'pattern':
      return byValue(item, rule, way, lookup);
    case 'type':
      return byType(item, rule, way);
    case 'exists':
      return byExistence(item, rule, way);
    case 'profile':
      return byProfile(item, rule, lookup);
  }
}

/** How an element is sliced when the profile does not say: extensions by url, choices by type. */
export function slicingOf(rule: Rule): Slicing | undefined {
  if (rule.slicing !== undefined || rule.slices.length === 0) return rule.slicing;
  const byUrl = rule.name === 'extension' || rule.name === 'modifierExtension';
  const discriminator: Discriminator = byUrl ? { type: 'value', path: 'url' } : { type: 'type', path: '$this' };
  const isChoice = rule.name.endsWith('[x]');
  return { discriminators: byUrl || isChoice ? [discriminator] : [], rules: 'open' };
}

/** Whether a value belongs to a slice; undefined when that cannot be told. */
export function belongsTo(item: Held, slice: Rule, slicing: Slicing, lookup: ProfileLookup): Answer {
  const { discriminators } = slicing;
  if (discriminators.length === 0) return undefined;
  return discriminators.map((each) => answerOf(item, slice, each, lookup)).reduce(both, true);
}
