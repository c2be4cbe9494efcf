/**
 * The paths in the expression of a SearchParameter: `Observation.value.ofType(Quantity)` as a list of steps that can be
 * walked in JSON without an expression engine. What is no such path is left to the engine (`general`).
 *
 * https://hl7.org/fhir/R4/searchparameter.html, definitions of R4: 1,713 distinct paths, all but one of this form.
 */

export type Step =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'type'; readonly code: string }
  | { readonly kind: 'equal'; readonly member: string; readonly value: string }
  | { readonly kind: 'first' };

export interface Branch {
  readonly steps: readonly Step[];
  /** `where(resolve() is Patient)`: only references to this type count. */
  readonly target?: string;
  /** The path without the restriction of its target: what index rows are kept under. */
  readonly key: string;
}

const token =
  /\s*(?:(\()|(\))|\.?ofType\(\s*([A-Za-z]+)\s*\)|(?<=\s)as\s+([A-Za-z]+)|\.?as\(\s*([A-Za-z]+)\s*\)|\.?where\(\s*resolve\(\)\s+is\s+([A-Za-z]+)\s*\)|\.?where\(\s*([A-Za-z]+)\s*=\s*'([^'\\]*)'\s*\)|(\[0\])|\.?`?([A-Za-z][A-Za-z0-9]*)`?(?![A-Za-z0-9(]))/y;

/** The alternatives of an expression: its parts between `|` outside of parentheses and quotes. */
export function alternatives(expression: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let at = 0; at < expression.length; at++) {
    const character = expression[at];
    if (character === "'" && expression[at - 1] !== '\\') quoted = !quoted;
    if (quoted) continue;
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === '|' && depth === 0) {
      parts.push(expression.slice(start, at).trim());
      start = at + 1;
    }
  }
  parts.push(expression.slice(start).trim());
  return parts;
}

/** The type with which a path begins: `Observation` of `(Observation.value.ofType(string)).text`. */
export function rootOf(path: string): string {
  return /^[\s(]*(%resource|[A-Za-z]+)/.exec(path)?.[1] ?? '';
}

/** The steps after the root; undefined where the text is not a plain path. */
export function parseBranch(text: string, type: string): Branch | undefined {
  const steps: Step[] = [];
  let target: string | undefined;
  let depth = 0;
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (match === null || target !== undefined) return undefined;
    const [, open, close, ofType, asOperator, as, resolved, member, value, first, name] = match;
    const code = ofType ?? asOperator ?? as;
    if (open !== undefined) depth++;
    else if (close !== undefined) depth--;
    else if (code !== undefined) steps.push({ kind: 'type', code: typeCode(code) });
    else if (resolved !== undefined) target = resolved;
    else if (member !== undefined) steps.push({ kind: 'equal', member, value: value ?? '' });
    else if (first !== undefined) steps.push({ kind: 'first' });
    else steps.push({ kind: 'member', name: name ?? '' });
  }
  if (depth !== 0 || steps[0]?.kind !== 'member') return undefined;
  const rest = steps.slice(1);
  return { steps: rest, key: [type, ...rest.map(stepText)].join('.'), ...(target !== undefined && { target }) };
}

/** R4 writes `ofType(DateTime)` in one place for the type dateTime. */
function typeCode(written: string): string {
  return written === 'DateTime' ? 'dateTime' : written;
}

function stepText(step: Step): string {
  switch (step.kind) {
    case 'member':
      return step.name;
    case 'type':
      return `ofType(${step.code})`;
    case 'equal':
      return `where(${step.member}='${step.value}')`;
    case 'first':
      return 'first()';
  }
}
