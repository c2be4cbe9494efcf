/**
 * The state of one validation: where we are, what was found, and the resource around.
 *
 * The place is kept as a stack of names and indexes, written out as FHIRPath only when something is found. Findings are
 * capped: a hostile body of a million faults costs a million comparisons, not a million sentences.
 */
import type { JsonObject, JsonValue } from '../json.ts';
import type { Environment } from '../path/evaluation.ts';
import type { Issue, IssueCode, Severity } from '../outcome.ts';

export const MAXIMUM_FINDINGS = 100;

export interface Context {
  /** `Observation`, `component`, 0, `value`. */
  trail: (string | number)[];
  issues: Issue[];
  /** Findings beyond the maximum. */
  dropped: number;
  /** Whether warnings and informations are wanted; a write needs errors only. */
  warnings: boolean;
  /** The resource being checked: FHIRPath %resource. */
  resource: JsonObject;
  /** The resource that holds the contained ones: FHIRPath %rootResource. */
  root: JsonObject;
  /** What FHIRPath evaluates %resource and %rootResource to; made when a constraint needs it. */
  environment: Environment | undefined;
  /** Types of the root's contained resources by id; undefined when there are none. */
  contained: Map<string, string> | undefined;
  /** The `#…` values met in references, canonicals, uris and urls of the root. */
  localLinks: Set<string>;
  /** Inside a contained resource. */
  inContained: boolean;
  /** References may be searches, `Patient?identifier=…`: inside a Bundle that is to be processed. */
  conditionalReferences: boolean;
  /** Profiles besides those held here, by canonical URL. */
  profileSource: ((canonical: string) => JsonObject | undefined) | undefined;
}

/** The place as a FHIRPath expression. */
export function expressionOf(trail: readonly (string | number)[]): string {
  let text = '';
  for (const step of trail) {
    text += typeof step === 'number' ? `[${step}]` : text === '' ? step : `.${identifier(step)}`;
  }
  return text;
}

/** Names that a client made up may be no identifiers, and long: https://hl7.org/fhirpath/N1/#identifiers */
function identifier(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name)) return name;
  return `\`${name.slice(0, 100).replace(/[`\\\s]/g, ' ')}\``;
}

/** Notes a finding at the current place. `rule` continues a sentence that begins with the place. */
export function report(context: Context, code: IssueCode, rule: string, severity: Severity = 'error'): void {
  if (context.issues.length >= MAXIMUM_FINDINGS) {
    context.dropped += 1;
    return;
  }
  const expression = expressionOf(context.trail);
  context.issues.push({ severity, code, diagnostics: `${expression} ${rule}`, expression: [expression] });
}

/** The same for a member of the current place. */
export function reportMember(context: Context, name: string, code: IssueCode, rule: string): void {
  context.trail.push(name);
  report(context, code, rule);
  context.trail.pop();
}

/** A value as it may be quoted in a sentence: at most 100 characters. */
export function quoted(value: JsonValue | undefined): string {
  if (typeof value === 'object' && value !== null) return kindOf(value);
  const text = typeof value === 'string' ? value : String(value);
  const short = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return typeof value === 'string' ? JSON.stringify(short) : short;
}

/** The JSON kind of a value, with its article. */
export function kindOf(value: JsonValue | undefined): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
