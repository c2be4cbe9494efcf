/**
 * One search parameter of a query → its condition: plain parameters, chains, `_has`, `_filter` and those of every type.
 * https://hl7.org/fhir/R4/search.html#chaining
 */
import { isResourceType } from '../fhir/definitions.ts';
import { isId } from '../fhir/reference.ts';
import { outcomeError, type OutcomeError } from '../fhir/outcome.ts';
import { mergeLeaves, none, not, or, type Condition } from './ast.ts';
import type { ParseContext } from './context.ts';
import { dateValue } from './date.ts';
import { parseFilter } from './filter.ts';
import { functionalList, isFunctionalList } from './functional-list.ts';
import { wordsOf } from './narrative-rows.ts';
import type { Parameter, ParameterPath } from './parameters.ts';
import { parseGiven } from './types.ts';
import { badValue, quoted, split, unescape } from './value.ts';

/** OR alternatives of one parameter: a statement with more plans for longer than it runs. */
const mostValues = 1_000;
/** Chains and `_has` inside each other: each is a join of three tables. */
const mostDepth = 8;

/** The condition of `name=value` on resources of these types. */
export function parseCondition(
  types: readonly string[],
  name: string,
  value: string,
  context: ParseContext,
): Condition {
  if (context.depth > mostDepth) {
    throw outcomeError('too-costly', `The search parameter "${quoted(name)}" chains more than ${mostDepth} steps.`, {
      status: 400,
    });
  }
  const base = name.split(/[:.]/)[0] ?? '';
  const special = Object.hasOwn(specials, base) ? specials[base] : undefined;
  if (special !== undefined) return special({ name, value, types, context });
  if (types.length === 1) return ofType(types[0] ?? '', name, value, context);
  return acrossTypes(types, name, value, context);
}

/** A search of several types takes parameters that all of them have. */
function acrossTypes(types: readonly string[], name: string, value: string, context: ParseContext): Condition {
  const base = name.split(/[:.]/)[0] ?? '';
  const lacking = types.find((type) => !context.parameters.of(type).byName.has(base));
  if (lacking !== undefined) throw unknownParameter([lacking], base, context);
  // Every path begins with its type, so the alternatives cannot match across types; a negation could.
  const parts = types.map((type): Condition => {
    const condition = ofType(type, name, value, context);
    return condition.kind === 'not' || condition.kind === 'missing' ? forType(type, condition) : condition;
  });
  return or(mergeLeaves(parts));
}

function forType(type: string, condition: Condition): Condition {
  return { kind: 'and', parts: [{ kind: 'type', type }, condition] };
}

function ofType(type: string, name: string, value: string, context: ParseContext): Condition {
  const dot = name.indexOf('.');
  if (dot > 0) return chain(type, { first: name.slice(0, dot), rest: name.slice(dot + 1) }, value, context);
  const [base = '', modifier, ...more] = name.split(':');
  if (more.length > 0) {
    throw outcomeError('invalid', `The search parameter ${quoted(name)} has more than one modifier.`, { status: 400 });
  }
  const parameter = parameterOf(type, base, context);
  return parseGiven({ parameter, modifier, values: alternativesOf(name, value), text: name }, context);
}

export function parameterOf(type: string, name: string, context: ParseContext): Parameter {
  const parameter = context.parameters.of(type).byName.get(name);
  if (parameter === undefined || !isSearchable(parameter)) throw unknownParameter([type], name, context);
  return parameter;
}

/** A definition of R4 whose expression names no element of R4 cannot be searched. */
function isSearchable({ paths, composite }: Parameter): boolean {
  return composite.length > 0 || paths.length > 0;
}

function unknownParameter(types: readonly string[], name: string, context: ParseContext): OutcomeError {
  const [type = ''] = types;
  const where = types.length === 1 ? type : 'the types searched';
  const names =
    types.length === 1
      ? [...context.parameters.of(type).byName.values()].filter(isSearchable).map((known) => known.name)
      : [];
  const possible = names.length > 0 ? ` Possible are ${names.sort().join(', ')}.` : '';
  return outcomeError('not-supported', `${quoted(name)} is no search parameter of ${where}.${possible}`, {
    status: 400,
  });
}

export function alternativesOf(name: string, value: string): string[] {
  const values = split(value, ',');
  if (values.length > mostValues) {
    throw outcomeError('too-costly', `The search parameter ${quoted(name)} has more than ${mostValues} values.`, {
      status: 400,
    });
  }
  // An empty alternative would match everything or nothing, depending on who reads it.
  if (values.includes('')) throw badValue(name, value, 'an alternative between commas is empty.');
  return values;
}

interface Chain {
  /** `subject:Patient` */
  readonly first: string;
  /** `name:exact`, which may be a chain itself. */
  readonly rest: string;
}

function chain(type: string, { first, rest }: Chain, value: string, context: ParseContext): Condition {
  const [base = '', modifier] = first.split(':');
  const parameter = parameterOf(type, base, context);
  if (parameter.type !== 'reference') {
    throw outcomeError(
      'invalid',
      `The search parameter ${quoted(base)} of ${type} is no reference and cannot be chained.`,
      { status: 400 },
    );
  }
  const targets = modifier === undefined ? targetsOf(parameter) : [modifier];
  if (modifier !== undefined && !targetsOf(parameter).includes(modifier)) {
    throw outcomeError(
      'invalid',
      `${quoted(first)}: ${type}.${base} cannot refer to ${quoted(modifier)}; possible are ${targetsOf(parameter).join(', ')}.`,
      { status: 400 },
    );
  }
  const inner = { ...context, depth: context.depth + 1 };
  const [next = ''] = rest.split(/[:.]/);
  const able =
    next === '_has' || targets.length === 1 ? targets : targets.filter((target) => knows(target, next, context));
  if (able.length === 0) throw unknownParameter(targets, next, context);
  return or(
    able.flatMap((target): Condition[] => {
      const condition = parseCondition([target], rest, value, inner);
      return pathsTo(parameter, target).length === 0
        ? []
        : [{ kind: 'chain', paths: pathsTo(parameter, target), type: target, condition }];
    }),
  );
}

/** The audit log is no part of what searches of resources join. */
export function apartFromLog(name: string): OutcomeError {
  return outcomeError(
    'not-supported',
    `${quoted(name)}: the audit log is apart from the resources; search AuditEvent by entity or patient instead.`,
    { status: 400 },
  );
}

function knows(type: string, name: string, context: ParseContext): boolean {
  return Object.hasOwn(specials, name) || context.parameters.of(type).byName.has(name);
}

export function targetsOf(parameter: Parameter): readonly string[] {
  const restricted = parameter.paths.flatMap(({ target }) => target ?? []);
  if (restricted.length === parameter.paths.length) return [...new Set(restricted)];
  return parameter.targets.length > 0 ? parameter.targets : anyType;
}

/** A Reference(Any): chains need the type then, or a parameter that few types have. */
const anyType: readonly string[] = [
  'Patient',
  'Practitioner',
  'Organization',
  'Device',
  'Observation',
  'ServiceRequest',
  'Specimen',
  'DiagnosticReport',
  'Encounter',
  'Location',
  'PractitionerRole',
  'RelatedPerson',
  'Group',
  'Medication',
  'Substance',
  'Condition',
  'Procedure',
  'Task',
];

export function pathsTo(parameter: Parameter, type: string): ParameterPath[] {
  return parameter.paths.filter(({ target }) => target === undefined || target === type);
}

interface SpecialGiven {
  readonly name: string;
  readonly value: string;
  readonly types: readonly string[];
  readonly context: ParseContext;
}

/** Parameters that are no values of elements. Their modifiers are those they check themselves. */
const specials: Readonly<Record<string, (given: SpecialGiven) => Condition>> = {
  _id: ({ name, value }) => {
    const values = alternativesOf(name, value).map(unescape);
    const bad = values.find((id) => !isId(id));
    if (bad !== undefined) throw badValue(name, bad, 'an id has letters, digits, "-" and ".", at most 64.');
    const condition: Condition = { kind: 'id', values };
    return modified(name, '_id', { '': condition, not: not(condition) });
  },
  _lastUpdated: ({ name, value, context }) => {
    const values = alternativesOf(name, value).map((text) => dateValue(name, text, context));
    return modified(name, '_lastUpdated', { '': { kind: 'updated', values } });
  },
  _list: ({ name, value, types, context }) => {
    if (isFunctionalList(value)) {
      const parse = (type: string, criterion: string, wanted: string): Condition =>
        parseCondition([type], criterion, wanted, context);
      return modified(name, '_list', { '': functionalList({ list: value, types, context }, parse) });
    }
    const id = unescape(value).replace(/^List\//, '');
    if (!isId(id)) throw badValue(name, value, 'the id of a List or the name of a functional list is needed.');
    return modified(name, '_list', { '': { kind: 'list', id } });
  },
  _text: ({ name, value }) => modified(name, '_text', { '': words('narrative', name, value) }),
  _content: ({ name, value }) => modified(name, '_content', { '': words('content', name, value) }),
  _has: (given) => has(given),
  _filter: ({ value, types, context }) => parseFilter(types, value, { ...context, depth: context.depth + 1 }),
  _type: ({ name, value }) => {
    throw badValue(name, value, '_type belongs to a search across types.');
  },
};

function modified(name: string, base: string, conditions: Readonly<Record<string, Condition>>): Condition {
  const modifier = name.slice(base.length).replace(/^:/, '');
  const condition = Object.hasOwn(conditions, modifier) ? conditions[modifier] : undefined;
  if (condition === undefined) {
    throw outcomeError('not-supported', `The modifier ":${modifier}" does not apply to "${base}".`, { status: 400 });
  }
  return condition;
}

/** Each alternative is words that must all be there. */
function words(where: 'narrative' | 'content', name: string, value: string): Condition {
  return or(
    alternativesOf(name, value).map((text): Condition => {
      const found = wordsOf(unescape(text));
      if (found.length === 0) throw badValue(name, text, 'words to search for are needed.');
      return { kind: 'words', where, words: found };
    }),
  );
}

/** `_has:Observation:patient:code=1234-5`; the rest after the second name may be another `_has` or a chain. */
function has({ name, value, types, context }: SpecialGiven): Condition {
  const [, source = '', reference = '', ...rest] = name.split(':');
  const inner = rest.join(':');
  if (!isResourceType(source) || reference === '' || inner === '') {
    throw outcomeError('invalid', `${quoted(name)}: reverse chaining is written _has:Type:reference:parameter.`, {
      status: 400,
    });
  }
  if (source === 'AuditEvent') throw apartFromLog(name);
  const parameter = parameterOf(source, reference, context);
  if (parameter.type !== 'reference') {
    throw outcomeError('invalid', `${quoted(name)}: ${source}.${reference} is no reference.`, { status: 400 });
  }
  const paths = parameter.paths.filter(({ target }) => target === undefined || types.includes(target));
  const condition = parseCondition([source], inner, value, { ...context, depth: context.depth + 1 });
  return paths.length === 0 ? none : { kind: 'has', type: source, targets: types, paths, condition };
}
