/**
 * composite: values parted by `$`, all of which one repetition of the composite's base must have.
 * https://hl7.org/fhir/R4/search.html#composite
 */
import { and, or, type Condition, type RowLeaf } from './ast.ts';
import type { Given, Modifiers, ParseContext } from './context.ts';
import type { CompositeBranch } from './parameters.ts';
import { badValue, split } from './value.ts';
import { parseGiven } from './types.ts';

function matching(given: Given, context: ParseContext): Condition {
  return or(
    given.values.flatMap((value) => given.parameter.composite.map((branch) => one(given, branch, value, context))),
  );
}

function one(given: Given, branch: CompositeBranch, value: string, context: ParseContext): Condition {
  const parts = split(value, '$');
  if (parts.length !== branch.components.length || parts.includes('')) {
    const form = branch.components.map(({ parameter }) => parameter.name).join('$');
    throw badValue(given.text, value, `a composite needs ${branch.components.length} values: ${form}.`);
  }
  const conditions = branch.components.map(({ parameter }, i) =>
    parseGiven({ parameter, modifier: undefined, values: [parts[i] ?? ''], text: given.text }, context),
  );
  // The resource is its own only repetition.
  return branch.base === '' ? and(conditions) : sameRepetition(conditions);
}

/** Alternatives inside a component (several element types) become alternatives of the whole. */
function sameRepetition(conditions: readonly Condition[]): Condition {
  const combinations = conditions.reduce<RowLeaf[][]>(
    (before, condition) => before.flatMap((leaves) => rowLeaves(condition).map((leaf) => [...leaves, leaf])),
    [[]],
  );
  return or(combinations.map((components): Condition => ({ kind: 'composite', components })));
}

function rowLeaves(condition: Condition): RowLeaf[] {
  if (condition.kind === 'or') return condition.parts.flatMap(rowLeaves);
  return 'paths' in condition && 'values' in condition ? [condition] : [];
}

export const compositeModifiers: Modifiers = { '': matching };
