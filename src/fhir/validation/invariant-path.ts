/**
 * Constraints evaluated by their FHIRPath expression.
 */
import { createRequire } from 'node:module';
import type { Constraint } from '../definitions.ts';
import type { JsonValue } from '../json.ts';
import type { Predicate } from './invariant-members.ts';

const load = createRequire(import.meta.url);

/** The predicate of a constraint on values of a type. */
export function compileConstraint(constraint: Constraint, typeName: string): Predicate {
  const fhirpath = load('fhirpath');
  const model = load('fhirpath/fhir-context/r4');
  const path = typeName.includes('.') ? { base: typeName, expression: constraint.expression } : constraint.expression;
  const evaluate = fhirpath.compile(path, model, { traceFn: () => {} });
  return (value: JsonValue, context) => {
    const result = evaluate(value, { resource: context.resource, rootResource: context.root });
    return result.length !== 1 || result[0] !== false;
  };
}
