/**
 * Which FHIR types an expression can find, from the definitions alone, without a resource. A name that no type at that
 * place has is refused, so that a search parameter with a slip of the pen is not an index of nothing.
 *
 * `undefined` stands for types that cannot be told (descendants(), the target of a reference). A path from another type
 * (`Observation.code` for a Patient) finds nothing, which is no fault: search expressions list several types.
 */
import { outcomeError } from '../outcome.ts';
import { shapeOf } from '../definitions.ts';
import { functions } from './compile.ts';
import { memberTypes } from './node.ts';
import { parsePath } from './parser.ts';
import type { Expression } from './syntax.ts';
import { isKnownType, isSubtype } from './types.ts';

export type Types = readonly string[] | undefined;

interface Place {
  /** The types of $this. */
  focus: Types;
  /** The types that the whole expression is evaluated on. */
  context: Types;
}

/** @throws OutcomeError `invalid` where an element does not exist; as compilePath where it is not FHIRPath. */
export function typesFound(expression: string, types: readonly string[]): Types {
  return infer(parsePath(expression), { focus: types, context: types });
}

function merged(...all: Types[]): Types {
  return all.includes(undefined) ? undefined : [...new Set(all.flatMap((types) => types ?? []))];
}

const truth: Types = ['System.Boolean'];

const truthOperators = new Set('and or xor implies in contains = ~ != !~ < <= > >='.split(' '));

function infer(tree: Expression, place: Place): Types {
  switch (tree.kind) {
    case 'empty':
      return [];
    case 'literal':
      return [tree.type];
    case 'variable':
      return inferVariable(tree.name, place);
    case 'special':
      return tree.name === '$this' ? place.focus : tree.name === '$index' ? ['System.Integer'] : undefined;
    case 'member':
      return tree.source ? members(infer(tree.source, place), tree.name) : start(tree.name, place.focus);
    case 'item':
      infer(tree.index, place);
      return infer(tree.source, place);
    case 'sign':
      return infer(tree.operand, place);
    case 'operation':
      return inferOperation(tree, place);
    case 'type':
      infer(tree.operand, place);
      return tree.operator === 'is' ? truth : [tree.type];
    case 'call':
      return inferCall(tree, place);
  }
}

function inferVariable(name: string, { context }: Place): Types {
  return name === 'context'
    ? context
    : name === 'ucum' || name === 'sct' || name === 'loinc'
      ? ['System.String']
      : undefined;
}

/** A type at the start keeps the focus where it is of that type. */
function start(name: string, focus: Types): Types {
  if (!/^[A-Z]/.test(name)) {
    return members(focus, name);
  }
  if (!isKnownType(name)) {
    throw outcomeError('not-supported', `"${name.slice(0, 80)}" in the FHIRPath expression is not a type of FHIR R4.`);
  }
  return focus ? focus.filter((type) => isSubtype(type, name)) : [name];
}

function members(owners: Types, name: string): Types {
  if (owners === undefined || owners.length === 0) {
    return owners;
  }
  const found = owners.map((type) => typesOfMember(type, name));
  if (found.every((types) => types === 'none')) {
    const where = owners.slice(0, 5).join(', ');
    throw outcomeError(
      'invalid',
      `The FHIRPath expression names "${name.slice(0, 80)}", which is not an element of ${where}.`,
    );
  }
  return merged(...found.map((types) => (types === 'none' ? [] : types)));
}

function typesOfMember(type: string, name: string): Types | 'none' {
  const shape = shapeOf(type) ?? shapeOf('Element')!;
  const found = memberTypes(shape, name);
  if (found.length === 0) {
    return 'none';
  }
  return found.includes('Resource') ? undefined : found;
}

function inferOperation(tree: Extract<Expression, { kind: 'operation' }>, place: Place): Types {
  const left = infer(tree.left, place);
  const right = infer(tree.right, place);
  if (truthOperators.has(tree.operator)) {
    return truth;
  }
  return tree.operator === '|' ? merged(left, right) : tree.operator === '&' ? ['System.String'] : undefined;
}

/** Functions that give items of what they are called on. */
const selecting = new Set('where first last tail skip take single distinct intersect exclude trace'.split(' '));

const given: Readonly<Record<string, Types>> = Object.assign(Object.create(null), {
  count: ['System.Integer'],
  length: ['System.Integer'],
  indexOf: ['System.Integer'],
  toInteger: ['System.Integer'],
  toDecimal: ['System.Decimal'],
  toQuantity: ['System.Quantity'],
  toDate: ['System.Date'],
  toDateTime: ['System.DateTime'],
  toTime: ['System.Time'],
  extension: ['Extension'],
});

const texts = new Set('substring upper lower trim replace replaceMatches join split toChars toString'.split(' '));

const truths = new Set(
  `empty exists all not allTrue anyTrue allFalse anyFalse subsetOf supersetOf isDistinct is startsWith endsWith contains
   matches matchesFull hasValue memberOf conformsTo htmlChecks toBoolean comparable`.split(/\s+/),
);

function inferCall(tree: Extract<Expression, { kind: 'call' }>, place: Place): Types {
  const { name } = tree;
  const entry = functions[name];
  if (!entry) {
    throw outcomeError('not-supported', `The FHIRPath function ${name.slice(0, 80)}() is not supported.`);
  }
  const source = tree.source ? infer(tree.source, place) : place.focus;
  if (entry.arguments === 'type') {
    return name === 'is' ? truth : [typeName(tree.arguments[0])];
  }
  const inside = entry.arguments === 'values' ? place : { ...place, focus: source };
  const found = tree.arguments.map((argument) => infer(argument, inside));
  return resultOf(name, source, found);
}

function resultOf(name: string, source: Types, found: Types[]): Types {
  if (name === 'iif') {
    return merged(...found.slice(1));
  }
  if (selecting.has(name)) {
    return source;
  }
  if (name === 'select' || name === 'repeat') {
    return found[0];
  }
  if (name === 'union' || name === 'combine') {
    return merged(source, ...found);
  }
  return truths.has(name) || name.startsWith('convertsTo') ? truth : texts.has(name) ? ['System.String'] : given[name];
}

function typeName(tree: Expression | undefined): string {
  return tree?.kind === 'member' ? tree.name : tree?.kind === 'literal' ? tree.text : '';
}
