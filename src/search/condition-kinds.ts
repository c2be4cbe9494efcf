/** What kinds of conditions are in a condition: what a filter that limits a caller must not contain. */
import type { Condition } from './ast.ts';

const following: ReadonlySet<string> = new Set(['chain', 'linked', 'has', 'list', 'hierarchy', 'latest', 'everything']);

/** Whether it looks at other resources than the one it is asked of. */
export function followsReferences(condition: Condition): boolean {
  return contains(condition, ({ kind }) => following.has(kind));
}

/** Whether it is decided by the resource and what that refers to, without a negation of the latter. */
export function isFixed(condition: Condition): boolean {
  return !contains(
    condition,
    (part) =>
      part.kind === 'value-set' ||
      part.kind === 'latest' ||
      part.kind === 'everything' ||
      (part.kind === 'not' && followsReferences(part.part)),
  );
}

function contains(condition: Condition, matches: (part: Condition) => boolean): boolean {
  return matches(condition) || partsWithin(condition).some((part) => contains(part, matches));
}

function partsWithin(condition: Condition): readonly Condition[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.parts;
    case 'not':
      return [condition.part];
    case 'chain':
    case 'has':
      return [condition.condition];
    default:
      return [];
  }
}
