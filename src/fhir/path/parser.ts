/**
 * FHIRPath tokens → syntax tree, by precedence climbing. http://hl7.org/fhirpath/N1/#operator-precedence
 *
 * Nesting is limited, so a hostile expression cannot exhaust the stack here or in the compiler, which follows the tree.
 */
import { outcomeError } from '../outcome.ts';
import { tokenize, type Token } from './lexer.ts';
import type { Expression } from './syntax.ts';

const maximumDepth = 200;

/** Binary operators, the higher the tighter. `is` and `as` (9) take a type at their right. */
const precedence: Record<string, number> = {
  implies: 1,
  or: 2,
  xor: 2,
  and: 3,
  in: 4,
  contains: 4,
  '=': 5,
  '~': 5,
  '!=': 5,
  '!~': 5,
  '<': 6,
  '<=': 6,
  '>': 6,
  '>=': 6,
  '|': 7,
  is: 8,
  as: 8,
  '+': 9,
  '-': 9,
  '&': 9,
  '*': 10,
  '/': 10,
  div: 10,
  mod: 10,
};

/** Keywords of the grammar that are allowed as names as well. */
const reserved = new Set(['and', 'or', 'xor', 'implies', 'div', 'mod', 'true', 'false']);

const calendarUnits = new Set(
  'year month week day hour minute second millisecond'.split(' ').flatMap((unit) => [unit, `${unit}s`]),
);

interface Reader {
  tokens: Token[];
  position: number;
  depth: number;
}

export function parsePath(expression: string): Expression {
  const reader: Reader = { tokens: tokenize(expression), position: 0, depth: 0 };
  const tree = parseExpression(reader, 0);
  if (peek(reader).kind !== 'end') {
    unexpected(reader);
  }
  return tree;
}

function peek(reader: Reader): Token {
  return reader.tokens[reader.position]!;
}

function next(reader: Reader): Token {
  return reader.tokens[reader.position++]!;
}

function unexpected(reader: Reader): never {
  const token = peek(reader);
  const what = token.kind === 'end' ? 'ends too early' : `has an unexpected "${token.text}"`;
  throw outcomeError('invalid', `The FHIRPath expression ${what} at character ${token.at + 1}.`);
}

function isSymbol(reader: Reader, text: string): boolean {
  const token = peek(reader);
  return token.kind === 'symbol' && token.text === text;
}

function takeSymbol(reader: Reader, text: string): boolean {
  const found = isSymbol(reader, text);
  reader.position += found ? 1 : 0;
  return found;
}

function expectSymbol(reader: Reader, text: string): void {
  if (!takeSymbol(reader, text)) {
    unexpected(reader);
  }
}

function enter(reader: Reader): void {
  reader.depth += 1;
  if (reader.depth > maximumDepth) {
    throw outcomeError('too-costly', `A FHIRPath expression may be nested ${maximumDepth} levels deep.`);
  }
}

function parseExpression(reader: Reader, minimum: number): Expression {
  enter(reader);
  let left = parseSigned(reader);
  // A long chain `a or b or c …` becomes a tree as deep as it is long, hence it counts as nesting.
  const depth = reader.depth;
  for (;;) {
    const token = peek(reader);
    const level = token.kind === 'symbol' || token.kind === 'name' ? precedence[token.text] : undefined;
    if (level === undefined || level <= minimum) {
      break;
    }
    enter(reader);
    next(reader);
    left = parseRight(reader, token.text, left, level);
  }
  reader.depth = depth - 1;
  return left;
}

function parseRight(reader: Reader, operator: string, left: Expression, level: number): Expression {
  if (operator === 'is' || operator === 'as') {
    return { kind: 'type', operator, operand: left, type: parseType(reader) };
  }
  return { kind: 'operation', operator, left, right: parseExpression(reader, level) };
}

function parseType(reader: Reader): string {
  let name = parseName(reader);
  if (takeSymbol(reader, '.')) {
    name = `${name}.${parseName(reader)}`;
  }
  return name;
}

function parseName(reader: Reader): string {
  const token = peek(reader);
  if (token.kind === 'quoted' || (token.kind === 'name' && !reserved.has(token.text))) {
    return next(reader).text;
  }
  return unexpected(reader);
}

function parseSigned(reader: Reader): Expression {
  const token = peek(reader);
  if (token.kind === 'symbol' && (token.text === '-' || token.text === '+')) {
    next(reader);
    enter(reader);
    const operand = parseSigned(reader);
    reader.depth -= 1;
    return { kind: 'sign', operator: token.text, operand };
  }
  return parsePostfix(reader);
}

function parsePostfix(reader: Reader): Expression {
  let source = parseTerm(reader);
  const depth = reader.depth;
  for (;;) {
    if (takeSymbol(reader, '.')) {
      enter(reader);
      source = parseInvocation(reader, source);
    } else if (takeSymbol(reader, '[')) {
      enter(reader);
      source = { kind: 'item', source, index: parseExpression(reader, 0) };
      expectSymbol(reader, ']');
    } else {
      reader.depth = depth;
      return source;
    }
  }
}

function parseInvocation(reader: Reader, source: Expression | undefined): Expression {
  if (peek(reader).kind === 'special') {
    return { kind: 'special', name: next(reader).text as '$this' };
  }
  const name = parseName(reader);
  const from = source === undefined ? {} : { source };
  if (takeSymbol(reader, '(')) {
    return { kind: 'call', ...from, name, arguments: parseArguments(reader) };
  }
  return { kind: 'member', ...from, name };
}

function parseArguments(reader: Reader): Expression[] {
  const list: Expression[] = [];
  if (takeSymbol(reader, ')')) {
    return list;
  }
  do {
    list.push(parseExpression(reader, 0));
  } while (takeSymbol(reader, ','));
  expectSymbol(reader, ')');
  return list;
}

function parseTerm(reader: Reader): Expression {
  const token = peek(reader);
  switch (token.kind) {
    case 'string':
      return { kind: 'literal', type: 'System.String', text: next(reader).text };
    case 'number':
      return parseNumber(reader);
    case 'temporal':
      return parseTemporal(next(reader).text);
    case 'variable':
      return { kind: 'variable', name: next(reader).text };
    case 'symbol':
      return parseBracketed(reader);
    default:
      return parseWord(reader);
  }
}

function parseWord(reader: Reader): Expression {
  const token = peek(reader);
  if (token.kind === 'name' && (token.text === 'true' || token.text === 'false')) {
    return { kind: 'literal', type: 'System.Boolean', text: next(reader).text };
  }
  return parseInvocation(reader, undefined);
}

function parseBracketed(reader: Reader): Expression {
  if (takeSymbol(reader, '{')) {
    expectSymbol(reader, '}');
    return { kind: 'empty' };
  }
  expectSymbol(reader, '(');
  const inner = parseExpression(reader, 0);
  expectSymbol(reader, ')');
  return inner;
}

function parseNumber(reader: Reader): Expression {
  const { text } = next(reader);
  const unit = peek(reader);
  if (unit.kind === 'string' || (unit.kind === 'name' && calendarUnits.has(unit.text))) {
    next(reader);
    // A quoted unit is UCUM; the bare word is the calendar duration. The quote is kept apart by the mark.
    return {
      kind: 'literal',
      type: 'System.Quantity',
      text,
      unit: unit.kind === 'string' ? unit.text : calendarUnit(unit.text),
    };
  }
  return { kind: 'literal', type: text.includes('.') ? 'System.Decimal' : 'System.Integer', text };
}

function calendarUnit(word: string): string {
  return word.endsWith('s') ? word.slice(0, -1) : word;
}

function parseTemporal(text: string): Expression {
  if (text.startsWith('T')) {
    return { kind: 'literal', type: 'System.Time', text: text.slice(1) };
  }
  return { kind: 'literal', type: text.includes('T') ? 'System.DateTime' : 'System.Date', text };
}
