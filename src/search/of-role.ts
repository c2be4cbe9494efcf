/** Conditions of a role: what they follow is seen with the role's rights, not with those that a token leaves of them. */
import type { Condition } from './ast.ts';

export function ofRole(condition: Condition): Condition {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return { ...condition, parts: condition.parts.map(ofRole) };
    case 'not':
      return { ...condition, part: ofRole(condition.part) };
    case 'chain':
    case 'has':
      return { ...condition, condition: ofRole(condition.condition), byRole: true };
    default:
      return condition;
  }
}
