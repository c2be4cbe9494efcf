/**
 * token: `code`, `system|code`, `|code`, `system|` and the modifiers :not, :text, :in, :not-in, :above, :below, :of-type.
 * https://hl7.org/fhir/R4/search.html#token
 */
import { mergeLeaves, none, not, or, type Condition, type TokenValue } from './ast.ts';
import type { Given, Modifiers, ParseContext } from './context.ts';
import { fold } from './fold.ts';
import { impliedSystems } from './implied-systems.ts';
import type { ParameterPath } from './parameters.ts';
import { badValue, split, unescape } from './value.ts';

function tokenValue({ text }: Given, value: string): TokenValue {
  const parts = split(value, '|').map(unescape);
  const [first = '', second] = parts;
  if (parts.length > 2) throw badValue(text, value, 'a token has at most one "|", between system and code.');
  if (second === undefined) {
    if (first === '') throw badValue(text, value, 'a token is a code, system|code, |code or system|.');
    return { system: undefined, code: first };
  }
  if (first === '' && second === '') throw badValue(text, value, 'system and code are both empty.');
  return { system: first === '' ? null : first, code: second === '' ? undefined : second };
}

/** FHIR types whose values carry no system of their own. */
const withoutSystem = new Set([
  'code',
  'boolean',
  'string',
  'id',
  'uri',
  'url',
  'canonical',
  'oid',
  'uuid',
  'markdown',
]);

function hasSystem({ path }: ParameterPath): boolean {
  return path.elementTypes.some((type) => !withoutSystem.has(type));
}

/**
 * The condition that any value matches. The system of a plain `code` is implied by its value set: a value that names
 * another system matches nothing there, one that names none or the right one is compared by its code.
 */
export function tokenCondition(
  paths: readonly ParameterPath[],
  values: readonly TokenValue[],
  context: Pick<ParseContext, 'terminology'>,
): Condition {
  const parts = paths.map((path): Condition => {
    const usable = hasSystem(path) ? values : values.flatMap((value) => withoutImplied(path, value, context));
    return usable.length === 0 ? none : { kind: 'token', paths: [path], values: usable };
  });
  return or(mergeLeaves(parts));
}

function withoutImplied(
  path: ParameterPath,
  value: TokenValue,
  context: Pick<ParseContext, 'terminology'>,
): TokenValue[] {
  if (value.system === undefined || value.system === null) return [{ system: undefined, code: value.code }];
  const systems = impliedSystems(path.path, context.terminology);
  if (systems !== undefined && !systems.includes(value.system)) return [];
  return [{ system: undefined, code: value.code }];
}

function equal(given: Given, context: ParseContext): Condition {
  const values = given.values.map((value) => tokenValue(given, value));
  return tokenCondition(given.parameter.paths, values, context);
}

function text(given: Given): Condition {
  const values = given.values.map((value) => fold(unescape(value)));
  if (values.includes('')) throw badValue(given.text, '', 'a text to search for is needed.');
  return { kind: 'token-text', paths: given.parameter.paths, values };
}

function ofType(given: Given): Condition {
  const values = given.values.map((value) => {
    const [system = '', code = '', number = '', ...rest] = split(value, '|').map(unescape);
    if (code === '' || number === '' || rest.length > 0) {
      throw badValue(given.text, value, ':of-type needs system|code|value of the identifier type and the identifier.');
    }
    return { system, code, value: number };
  });
  if (!given.parameter.paths.some(({ path }) => path.elementTypes.includes('Identifier'))) {
    throw badValue(given.text, given.values.join(), ':of-type applies to identifiers only.');
  }
  return { kind: 'of-type', paths: given.parameter.paths, values };
}

/** All codes of the value sets; those that the definitions do not hold are looked for among the tenant's. */
function within(given: Given, context: ParseContext): Condition {
  const urls = given.values.map(unescape);
  const bad = urls.find((url) => !/^[a-z][a-z0-9+.-]*:\S+$/i.test(url));
  if (bad !== undefined) throw badValue(given.text, bad, 'the canonical URL of a value set is needed.');
  const lists = urls.map((url) => context.terminology.expand(url));
  if (lists.includes(undefined)) return { kind: 'value-set', paths: given.parameter.paths, urls };
  const values = lists.flatMap((list) => list ?? []);
  return values.length === 0 ? none : tokenCondition(given.parameter.paths, values, context);
}

function related(direction: 'above' | 'below') {
  return (given: Given, context: ParseContext): Condition => {
    const values = given.values.flatMap((value): TokenValue[] => {
      const { system, code } = tokenValue(given, value);
      if (system === undefined || system === null || code === undefined) {
        throw badValue(given.text, value, `:${direction} needs system|code.`);
      }
      const codes = context.terminology.related(system, code, direction);
      if (codes === undefined)
        throw badValue(given.text, value, 'this server does not hold the hierarchy of that code system.');
      return codes.map((other) => ({ system, code: other }));
    });
    return values.length === 0 ? none : tokenCondition(given.parameter.paths, values, context);
  };
}

export const tokenModifiers: Modifiers = {
  '': equal,
  not: (given, context) => not(equal(given, context)),
  text,
  'of-type': ofType,
  in: within,
  'not-in': (given, context) => not(within(given, context)),
  above: related('above'),
  below: related('below'),
};
