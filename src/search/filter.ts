/**
 * `_filter`: the expression language of https://hl7.org/fhir/R4/search_filter.html
 *
 *   filter     = term ( "and" term )* ( "or" term ( "and" term )* )*      "and" binds tighter
 *   term       = "not" "(" filter ")" | "(" filter ")" | path op value
 *   path       = name ( "[" filter "]" )? ( "." path )?                   `subject:Patient.name`, `_has`-free
 *   op         = eq ne co sw ew gt lt ge le ap sa eb pr po ss sb in re
 */
import { outcomeError, type OutcomeError } from '../fhir/outcome.ts';
import { and, not, or, type Condition } from './ast.ts';
import { parameterOf, parseCondition, targetsOf } from './condition.ts';
import type { ParseContext } from './context.ts';
import type { Parameter, ParameterType } from './parameters.ts';

interface Lexeme {
  readonly kind: 'word' | 'string' | 'open' | 'close';
  readonly text: string;
  readonly at: number;
}

const lexeme = /\s*(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|([^\s()"]+))/y;

function refuse(text: string, at: number, rule: string): OutcomeError {
  const where = text.slice(at, at + 20);
  return outcomeError(
    'invalid',
    `The search parameter "_filter" is malformed at "${where}" (character ${at + 1}): ${rule}`,
    {
      status: 400,
    },
  );
}

function lex(text: string): Lexeme[] {
  const found: Lexeme[] = [];
  lexeme.lastIndex = 0;
  while (lexeme.lastIndex < text.trimEnd().length) {
    const at = lexeme.lastIndex;
    const match = lexeme.exec(text);
    if (match === null) throw refuse(text, at, 'a quote is not closed.');
    const [, open, close, string, word] = match;
    if (open !== undefined) found.push({ kind: 'open', text: '(', at });
    else if (close !== undefined) found.push({ kind: 'close', text: ')', at });
    else if (string !== undefined) found.push({ kind: 'string', text: string.replace(/\\(.)/g, '$1'), at });
    else found.push({ kind: 'word', text: word ?? '', at });
  }
  return found;
}

/** Terms of one filter: each may become a join. */
const mostTerms = 100;

interface State {
  readonly text: string;
  readonly types: readonly string[];
  readonly context: ParseContext;
  readonly lexemes: readonly Lexeme[];
  at: number;
  depth: number;
}

export function parseFilter(types: readonly string[], text: string, context: ParseContext): Condition {
  const lexemes = lex(text);
  if (lexemes.length > mostTerms * 4) throw refuse(text, 0, `it has more than ${mostTerms} terms.`);
  const state: State = { text, types, context, lexemes, at: 0, depth: 0 };
  const condition = disjunction(state);
  const rest = lexemes[state.at];
  if (rest !== undefined) throw refuse(text, rest.at, 'the end or "and" or "or" is expected.');
  return condition;
}

function take(state: State, word: string): boolean {
  const next = state.lexemes[state.at];
  const taken = next?.kind !== 'string' && next?.text === word;
  if (taken) state.at += 1;
  return taken;
}

function disjunction(state: State): Condition {
  const parts = [conjunction(state)];
  while (take(state, 'or')) parts.push(conjunction(state));
  return or(parts);
}

function conjunction(state: State): Condition {
  const parts = [term(state)];
  while (take(state, 'and')) parts.push(term(state));
  return and(parts);
}

function term(state: State): Condition {
  const next = state.lexemes[state.at];
  if (next?.text === 'not' && state.lexemes[state.at + 1]?.kind === 'open') {
    state.at += 1;
    return not(parenthesised(state));
  }
  return next?.kind === 'open' ? parenthesised(state) : comparison(state);
}

function parenthesised(state: State): Condition {
  const open = state.lexemes[state.at];
  if ((state.depth += 1) > 20) throw refuse(state.text, open?.at ?? 0, 'parentheses are nested too deep.');
  state.at += 1;
  const condition = disjunction(state);
  if (!take(state, ')')) throw refuse(state.text, state.lexemes[state.at]?.at ?? state.text.length, '")" is expected.');
  state.depth -= 1;
  return condition;
}

const operators = new Set('eq ne co sw ew gt lt ge le ap sa eb pr po ss sb in re'.split(' '));

function comparison(state: State): Condition {
  const [path, operator, value] = state.lexemes.slice(state.at, state.at + 3);
  const end = state.text.length;
  if (path?.kind !== 'word') throw refuse(state.text, path?.at ?? end, 'the name of a search parameter is expected.');
  if (operator === undefined || !operators.has(operator.text)) {
    throw refuse(state.text, operator?.at ?? end, `an operator is expected: ${[...operators].join(', ')}.`);
  }
  if (value === undefined || value.kind === 'open' || value.kind === 'close') {
    throw refuse(state.text, value?.at ?? end, 'a value is expected.');
  }
  state.at += 3;
  return compare(state, { path, operator: operator.text, value });
}

interface Comparison {
  readonly path: Lexeme;
  readonly operator: string;
  readonly value: Lexeme;
}

/** An ordinary search parameter says the same: `name co "x"` is name:contains=x, `date gt 2020` is date=gt2020. */
function compare(state: State, { path, operator, value }: Comparison): Condition {
  const escaped =
    value.kind === 'string' ? value.text.replace(/[\\,$|]/g, '\\$&') : value.text.replace(/[\\,$]/g, '\\$&');
  const type = lastType(state, path);
  const rewrite = (type && rules[type]?.[operator]) ?? rules['any']?.[operator];
  const rewritten = rewrite?.(path.text, escaped);
  if (rewritten === undefined)
    throw refuse(state.text, path.at, `"${operator}" does not apply to a ${type ?? 'special'} parameter.`);
  const condition = parseCondition(state.types, rewritten.name, rewritten.value, state.context);
  return rewritten.negated === true ? not(condition) : condition;
}

/** The type of the parameter at the end of a chain; undefined for those that are no values of elements. */
function lastType({ types, context }: State, { text }: Lexeme): ParameterType | undefined {
  const names = text.split('.');
  let candidates = types;
  for (const [i, name] of names.entries()) {
    const [base = '', target] = name.split(':');
    const parameter = base.startsWith('_') ? undefined : knownIn(candidates, base, context);
    if (parameter === undefined || i === names.length - 1) return parameter?.type;
    candidates = target === undefined ? targetsOf(parameter) : [target];
  }
  return undefined;
}

function knownIn(types: readonly string[], name: string, context: ParseContext): Parameter {
  const having = types.find((type) => context.parameters.of(type).byName.has(name));
  return parameterOf(having ?? types[0] ?? '', name, context);
}

interface Rewritten {
  readonly name: string;
  readonly value: string;
  readonly negated?: boolean;
}

type Rule = (name: string, value: string) => Rewritten;

const plain: Rule = (name, value) => ({ name, value });
const modifier =
  (text: string): Rule =>
  (name, value) => ({ name: `${name}:${text}`, value });
const prefix =
  (text: string): Rule =>
  (name, value) => ({ name, value: `${text}${value}` });
const negation =
  (rule: Rule): Rule =>
  (name, value) => ({ ...rule(name, value), negated: true });
const present: Rule = (name, value) => ({
  name: `${name}:missing`,
  value: value === 'true' ? 'false' : value === 'false' ? 'true' : value,
});

const ordered: Readonly<Record<string, Rule>> = {
  eq: plain,
  ne: prefix('ne'),
  gt: prefix('gt'),
  lt: prefix('lt'),
  ge: prefix('ge'),
  le: prefix('le'),
  ap: prefix('ap'),
  sa: prefix('sa'),
  eb: prefix('eb'),
};

const rules: Readonly<Partial<Record<ParameterType | 'any', Readonly<Record<string, Rule>>>>> = {
  any: { eq: plain, ne: negation(plain), pr: present },
  string: { eq: modifier('exact'), ne: negation(modifier('exact')), co: modifier('contains'), sw: plain },
  token: {
    eq: plain,
    ne: modifier('not'),
    co: modifier('text'),
    in: modifier('in'),
    ss: modifier('above'),
    sb: modifier('below'),
  },
  date: { ...ordered, po: prefix('ap') },
  number: ordered,
  quantity: ordered,
  reference: { eq: plain, re: plain, ne: negation(plain) },
  uri: { eq: plain, ne: negation(plain), sb: modifier('below'), ss: modifier('above') },
};
