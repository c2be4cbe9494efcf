/**
 * Constraints evaluated by their FHIRPath expression.
 */
import type { JsonObject, JsonValue } from '../json.ts';
import { compileInvariant } from '../path/compile.ts';
import type { Environment } from '../path/evaluation.ts';
import { rootNode, valueNode } from '../path/node.ts';
import type { Context } from './context.ts';
import type { Predicate } from './invariant-members.ts';

/** One environment for each resource: it remembers what paths found in the resource as a whole. */
function environmentOf(context: Context): Environment {
  context.environment ??= { resource: rootNode(context.resource), rootResource: rootNode(context.root) };
  return context.environment;
}

/**
 * The predicate of a FHIRPath expression on values of a type. `trusted`: from a published definition, whose regular
 * expressions need no guard against hostile ones.
 */
export function compileExpression(expression: string, typeName: string, trusted: boolean): Predicate {
  const keeps = compileInvariant(expression, { trusted });
  return (value: JsonValue, context) => {
    const isComplex = typeof value === 'object' && value !== null;
    return keeps(
      isComplex ? rootNode(value as JsonObject, typeName) : valueNode(value, typeName),
      environmentOf(context),
    );
  };
}
