/**
 * reference: `id`, `Type/id`, an absolute URL, a canonical with or without version; :[type], :identifier.
 * https://hl7.org/fhir/R4/search.html#reference
 */
import { isResourceType } from '../fhir/definitions.ts';
import { isId, parseCanonical, parseReference } from '../fhir/reference.ts';
import { none, or, type Condition, type ReferenceValue } from './ast.ts';
import type { Given, Modifiers, ParseContext } from './context.ts';
import { cut } from './string-rows.ts';
import type { ParameterPath } from './parameters.ts';
import { badValue, split, unescape } from './value.ts';

const rule = 'a reference is an id, Type/id, Type/id/_history/version, or an absolute URL.';

/** `canonical` decides how a URL is read: with `|version`, and never as local. */
function referenceValue(given: Given, value: string, context: ParseContext, canonical: boolean): ReferenceValue {
  const text = unescape(value);
  if (canonical && text.includes(':')) {
    const { url, version } = parseCanonical(text);
    return { type: null, id: cut(url), version };
  }
  if (isId(text)) return { type: given.modifier, id: text, version: undefined };
  const parsed = parseReference(text, context.parameters.bases);
  if (parsed?.kind === 'local') {
    if (given.modifier !== undefined && given.modifier !== parsed.type) {
      throw badValue(given.text, value, `the modifier says ${given.modifier}, the value ${parsed.type}.`);
    }
    return { type: parsed.type, id: parsed.id, version: parsed.version };
  }
  if (parsed?.kind === 'urn') return { type: null, id: cut(parsed.urn), version: undefined };
  if (parsed?.kind === 'external') return { type: null, id: cut(parsed.url), version: undefined };
  throw badValue(given.text, value, rule);
}

function isCanonical({ path }: ParameterPath): boolean {
  return path.elementTypes.includes('canonical');
}

/** A path restricted to one type by `resolve() is` lets only references to that type match. */
function within(path: ParameterPath, value: ReferenceValue): ReferenceValue[] {
  if (path.target === undefined) return [value];
  if (value.type === undefined) return [{ ...value, type: path.target }];
  return value.type === path.target ? [value] : [];
}

/** A bare id means any of the types the parameter allows; where that is one type, this type. */
function typed(value: ReferenceValue, given: Given): ReferenceValue {
  const [only, second] = given.parameter.targets;
  return value.type === undefined && only !== undefined && second === undefined ? { ...value, type: only } : value;
}

function equal(given: Given, context: ParseContext): Condition {
  return or(
    given.parameter.paths.map((path): Condition => {
      const values = given.values
        .map((value) => typed(referenceValue(given, value, context, isCanonical(path)), given))
        .flatMap((value) => within(path, value));
      return values.length === 0 ? none : { kind: 'reference', paths: [path], values };
    }),
  );
}

function identifier(given: Given): Condition {
  const values = given.values.map((value) => {
    const [first = '', second, ...rest] = split(value, '|').map(unescape);
    if (rest.length > 0 || (first === '' && (second ?? '') === '')) {
      throw badValue(given.text, value, ':identifier needs an identifier as a token: value or system|value.');
    }
    if (second === undefined) return { system: undefined, code: first };
    return { system: first === '' ? null : first, code: second === '' ? undefined : second };
  });
  return { kind: 'reference-identifier', paths: given.parameter.paths, values };
}

/** The parameter by which resources of a type are part of one another. */
function partOf(type: string, context: ParseContext): ParameterPath | undefined {
  const parameters = context.parameters.of(type).byName;
  const parameter = parameters.get('partof') ?? parameters.get('part-of');
  const [path, second] = parameter?.paths ?? [];
  return parameter?.targets.includes(type) === true && second === undefined ? path : undefined;
}

/** The resource named, and all above or below it: `Encounter?location:below=Location/house`. */
function hierarchy(direction: 'above' | 'below') {
  return (given: Given, context: ParseContext): Condition =>
    or(
      given.values.map((text): Condition => {
        const value = typed(referenceValue({ ...given, modifier: undefined }, text, context, false), given);
        if (typeof value.type !== 'string' || value.version !== undefined) {
          throw badValue(given.text, text, `:${direction} needs Type/id of a resource of this server.`);
        }
        const path = partOf(value.type, context);
        if (path === undefined) throw badValue(given.text, text, `${value.type} resources form no hierarchy.`);
        const paths = given.parameter.paths.filter(({ target }) => target === undefined || target === value.type);
        return { kind: 'hierarchy', paths, direction, type: value.type, id: value.id, partOf: path };
      }),
    );
}

export const referenceModifiers: Modifiers = {
  '': equal,
  identifier,
  above: hierarchy('above'),
  below: hierarchy('below'),
};

/** `:Patient` limits the type of the target. */
export function referenceOfType(given: Given, context: ParseContext): Condition | undefined {
  return given.modifier !== undefined && isResourceType(given.modifier) ? equal(given, context) : undefined;
}
