/**
 * The constraints of the definitions (https://hl7.org/fhir/R4/conformance-rules.html#constraints).
 *
 * A constraint is run by a function written by hand where we have one (invariant-native*.ts), else by its FHIRPath.
 * A constraint must be true. What the element does not have cannot break it: see `rule` in path/call.ts.
 */
import type { Constraint, Element, Shape } from '../definitions.ts';
import type { JsonValue } from '../json.ts';
import { type Context, report } from './context.ts';
import { compileExpression } from './invariant-path.ts';
import { unusable } from './invariant-unusable.ts';
import type { Predicate } from './invariant-members.ts';
import { natives } from './invariant-native.ts';

export interface Invariant {
  constraint: Constraint;
  /** Compiled when it is first needed: most types are never met. */
  holds: Predicate | undefined;
  /** The type of the value it is about: a type name or the path of a backbone element. */
  typeName: string;
  /** From the published definitions of R4. */
  trusted: boolean;
}

/** Constraints that the walk through the resource checks itself: see type.ts, resource.ts, narrative.ts, reference.ts. */
const walked = new Set(['ele-1', 'dom-2', 'dom-3', 'dom-4', 'dom-5', 'txt-1', 'txt-2', 'ref-1']);

function invariantsOf(constraints: readonly Constraint[], typeName: string): Invariant[] {
  return constraints
    .filter((constraint) => !walked.has(constraint.key) && !Object.hasOwn(unusable, constraint.key))
    .map((constraint) => ({ constraint, typeName, trusted: true, holds: natives.get(constraint.expression) }));
}

/** The constraints of a profile, which anyone may have written. */
export function profileInvariants(constraints: readonly Constraint[], typeName: string): Invariant[] {
  return constraints.map((constraint) => ({ constraint, typeName, trusted: false, holds: undefined }));
}

/** The constraints of a type as a whole. */
export function typeInvariants(shape: Shape): Invariant[] {
  return invariantsOf(shape.constraints, shape.path);
}

/** The constraints of an element in its place, beyond those of its type. */
export function elementInvariants(element: Element, shape: Shape | undefined): Invariant[] {
  const ofType = new Set(shape?.constraints.map((constraint) => constraint.expression));
  const typeName = shape?.path ?? element.types[0]?.code ?? 'Element';
  return invariantsOf(
    element.constraints.filter(({ expression }) => !ofType.has(expression)),
    typeName,
  );
}

export function runInvariants(invariants: readonly Invariant[], value: JsonValue, context: Context): void {
  for (const invariant of invariants) {
    const { constraint } = invariant;
    if (constraint.severity === 'warning' && !context.warnings) continue;
    const answer = evaluate(invariant, value, context);
    if (answer === false) {
      report(context, 'invariant', `breaks ${constraint.key}: ${sentence(constraint.human)}`, constraint.severity);
    } else if (answer === undefined && context.warnings && context.issues.length === 0) {
      report(context, 'incomplete', `could not be checked against ${constraint.key}.`, 'warning');
    }
  }
}

/**
 * Whether the constraint holds; undefined when it cannot be evaluated: because the value has faults of structure (which
 * are findings of their own), or because the expression is outside of the language.
 */
function evaluate(invariant: Invariant, value: JsonValue, context: Context): boolean | undefined {
  try {
    invariant.holds ??= compileExpression(invariant.constraint.expression, invariant.typeName, invariant.trusted);
    return invariant.holds(value, context);
  } catch {
    return undefined;
  }
}

function sentence(text: string): string {
  return /[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`;
}
