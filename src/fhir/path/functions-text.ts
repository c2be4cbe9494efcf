/** Texts. http://hl7.org/fhirpath/N1/#string-manipulation */
import { outcomeError } from '../outcome.ts';
import { plain, withValues, type Call, type Functions, type PathFunction } from './call.ts';
import { single, singleInteger, singleText, type Scope } from './evaluation.ts';
import { booleanNodes, none, stringNode, valueNode, type Nodes } from './node.ts';
import { collection, condition, type Piece } from './piece.ts';
import { matcherOf } from './regex.ts';

const maximumText = 1_000_000;

/** The text a function works on: a primitive whose JSON is a text; undefined when there is none. */
function sourceText({ source, name }: Call, scope: Scope): string | undefined {
  return singleText(source.run(scope), `the source of ${name}()`);
}

function argument(call: Call, at: number, scope: Scope): string | undefined {
  return singleText(call.arguments[at]!.run(scope), `an argument of ${call.name}()`);
}

function integer(call: Call, at: number, scope: Scope): number | undefined {
  return singleInteger(call.arguments[at]!.run(scope), `an argument of ${call.name}()`);
}

/** `text.f(other)` with a truth value as result. */
function compares(holds: (text: string, other: string) => boolean): PathFunction {
  return withValues(1, 1, (call) =>
    condition(call.dependence, (scope) => {
      const text = sourceText(call, scope);
      if (text === undefined) {
        return call.settings.rule ? false : undefined;
      }
      const other = argument(call, 0, scope);
      return other === undefined ? undefined : holds(text, other);
    }),
  );
}

function changes(change: (text: string) => Nodes): PathFunction {
  return plain((call) =>
    collection(call.dependence, (scope) => {
      const text = sourceText(call, scope);
      return text === undefined ? none : change(text);
    }),
  );
}

function integerNodes(value: number): Nodes {
  return [valueNode(value, 'System.Integer')];
}

function substring(call: Call): Piece {
  return collection(call.dependence, (scope) => {
    const text = sourceText(call, scope);
    const start = integer(call, 0, scope);
    if (text === undefined || start === undefined || start < 0 || start >= text.length) {
      return none;
    }
    const length = call.arguments.length > 1 ? integer(call, 1, scope) : undefined;
    return [stringNode(text.slice(start, length === undefined ? undefined : start + Math.max(length, 0)))];
  });
}

function bounded(text: string): Nodes {
  if (text.length > maximumText) {
    throw outcomeError('too-costly', `A text made by FHIRPath may have ${maximumText} characters.`);
  }
  return [stringNode(text)];
}

function replaces(replace: (call: Call) => (texts: [string, string, string]) => string): PathFunction {
  return withValues(2, 2, (call) => {
    const make = replace(call);
    return collection(call.dependence, (scope) => {
      const texts = [sourceText(call, scope), argument(call, 0, scope), argument(call, 1, scope)];
      return texts.includes(undefined) ? none : bounded(make(texts as [string, string, string]));
    });
  });
}

/** Grows by at most the limit before it is refused: the number of places times the growth is checked first. */
function replaceAll([text, pattern, substitution]: [string, string, string]): string {
  const places = pattern === '' ? text.length + 1 : text.split(pattern).length - 1;
  if (places * substitution.length > maximumText) {
    throw outcomeError('too-costly', `A text made by FHIRPath may have ${maximumText} characters.`);
  }
  return text.replaceAll(pattern, () => substitution);
}

function matches(whole: boolean): PathFunction {
  return withValues(1, 1, (call) => {
    const match = matcherOf(call.settings.trusted, whole);
    return condition(call.dependence, (scope) => {
      const text = sourceText(call, scope);
      if (text === undefined) {
        return call.settings.rule || undefined;
      }
      const pattern = argument(call, 0, scope);
      return pattern === undefined ? undefined : match.test(text, pattern);
    });
  });
}

function join(call: Call): Piece {
  return collection(call.dependence, (scope) => {
    const separator = call.arguments.length > 0 ? (argument(call, 0, scope) ?? '') : '';
    const texts = call.source.run(scope).map((node) => singleText([node], 'an item of join()') ?? '');
    return texts.length === 0 ? none : bounded(texts.join(separator));
  });
}

export const text: Functions = {
  startsWith: compares((whole, start) => whole.startsWith(start)),
  endsWith: compares((whole, end) => whole.endsWith(end)),
  contains: compares((whole, part) => whole.includes(part)),
  indexOf: withValues(1, 1, (call) =>
    collection(call.dependence, (scope) => {
      const whole = sourceText(call, scope);
      const part = argument(call, 0, scope);
      return whole === undefined || part === undefined ? none : integerNodes(whole.indexOf(part));
    }),
  ),
  substring: withValues(1, 2, substring),
  upper: changes((whole) => [stringNode(whole.toUpperCase())]),
  lower: changes((whole) => [stringNode(whole.toLowerCase())]),
  trim: changes((whole) => [stringNode(whole.trim())]),
  length: changes((whole) => integerNodes(whole.length)),
  toChars: changes((whole) => [...whole].map(stringNode)),
  replace: replaces(() => replaceAll),
  replaceMatches: replaces(({ settings }) => {
    const matcher = matcherOf(settings.trusted, false);
    return ([whole, pattern, substitution]) => matcher.replace(whole, pattern, substitution);
  }),
  matches: matches(false),
  matchesFull: matches(true),
  split: withValues(1, 1, (call) =>
    collection(call.dependence, (scope) => {
      const whole = sourceText(call, scope);
      const separator = argument(call, 0, scope);
      return whole === undefined || separator === undefined ? none : whole.split(separator).map(stringNode);
    }),
  ),
  join: withValues(0, 1, join),
  /** A primitive with a value. https://hl7.org/fhir/R4/fhirpath.html#functions */
  hasValue: plain(({ source, dependence }) =>
    condition(dependence, (scope) => {
      const nodes = source.run(scope);
      return nodes.length === 1 && nodes[0]!.value !== undefined && typeof nodes[0]!.value !== 'object';
    }),
  ),
  getValue: plain(({ source, dependence }) =>
    collection(dependence, (scope) => {
      const node = single(source.run(scope), 'the source of getValue()');
      return node?.value === undefined || typeof node.value === 'object'
        ? none
        : typeof node.value === 'boolean'
          ? booleanNodes(node.value)
          : [node];
    }),
  ),
};
