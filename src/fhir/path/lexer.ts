/**
 * FHIRPath text → tokens. http://hl7.org/fhirpath/N1/#lexical-elements
 *
 * One sticky regular expression without nested repetition, so the time is linear in the length of the text, which is
 * itself limited: expressions also come from clients (search parameters, patches).
 */
import { outcomeError } from '../outcome.ts';

export type TokenKind =
  'name' | 'quoted' | 'string' | 'number' | 'temporal' | 'variable' | 'special' | 'symbol' | 'end';

export interface Token {
  kind: TokenKind;
  /** Decoded text: without quotes, `@` and `%`. */
  text: string;
  /** Offset in the expression, for messages. */
  at: number;
}

const maximumLength = 20_000;

const pattern = new RegExp(
  [
    String.raw`(?<blank>\s+|//[^\n\r]*|/\*[^]*?\*/)`,
    String.raw`(?<temporal>@(?:T\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?|\d{4}(?:-\d{2}(?:-\d{2})?)?(?:T(?:\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:\d{2})?)?)?))`,
    String.raw`(?<number>\d+(?:\.\d+)?)`,
    String.raw`(?<name>[A-Za-z_][A-Za-z0-9_]*)`,
    '(?<quoted>`(?:\\\\[^]|[^`\\\\])*`|"(?:\\\\[^]|[^"\\\\])*")',
    String.raw`(?<string>'(?:\\[^]|[^'\\])*')`,
    '(?<variable>%(?:(?:vs|ext)-[A-Za-z0-9-]+|[A-Za-z_][A-Za-z0-9_]*|`(?:\\\\[^]|[^`\\\\])*`|\'(?:\\\\[^]|[^\'\\\\])*\'|"(?:\\\\[^]|[^"\\\\])*"))',
    String.raw`(?<special>\$(?:this|index|total)\b)`,
    String.raw`(?<symbol><=|>=|!=|!~|[.,()[\]{}+\-*/&|=~<>])`,
  ].join('|'),
  'y',
);

const escapes: Record<string, string> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  '\\': '\\',
  '/': '/',
  "'": "'",
  '"': '"',
  '`': '`',
};

/** Text between quotes with its escapes decoded. */
function unquote(text: string, at: number): string {
  return text.slice(1, -1).replace(/\\(u[0-9A-Fa-f]{4}|[^])/g, (_, escape: string) => {
    if (escape.length === 5) {
      return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    }
    const character = escapes[escape];
    // Published expressions escape more than the grammar lists (`\\.` inside a regex written as `\.`): keep both characters.
    return character ?? (escape === 'u' ? fail(at, 'an incomplete \\u escape') : `\\${escape}`);
  });
}

function fail(at: number, what: string): never {
  throw outcomeError('invalid', `The FHIRPath expression has ${what} at character ${at + 1}.`);
}

function decode(kind: string, text: string, at: number): string {
  switch (kind) {
    case 'quoted':
    case 'string':
      return unquote(text, at);
    case 'temporal':
      return text.slice(1);
    case 'variable':
      return /^%[`'"]/.test(text) ? unquote(text.slice(1), at) : text.slice(1);
    default:
      return text;
  }
}

/** The tokens of an expression, the last one of kind 'end'. */
export function tokenize(expression: string): Token[] {
  if (expression.length > maximumLength) {
    throw outcomeError(
      'too-long',
      `A FHIRPath expression may have ${maximumLength} characters; this one has ${expression.length}.`,
    );
  }
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < expression.length) {
    const at = pattern.lastIndex;
    const groups = pattern.exec(expression)?.groups;
    if (!groups) {
      fail(at, `an unexpected character ${JSON.stringify(expression[at])}`);
    }
    const kind = Object.keys(groups).find((name) => groups[name] !== undefined)!;
    if (kind !== 'blank') {
      tokens.push({ kind: kind as TokenKind, text: decode(kind, groups[kind]!, at), at });
    }
  }
  tokens.push({ kind: 'end', text: '', at: expression.length });
  return tokens;
}
