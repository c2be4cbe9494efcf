/** Alternatives as few conditions: 30 categories that a caller may see are one look into the index, not 30. */
import { mergeLeaves, or, type Condition } from './ast.ts';

const mergeable: ReadonlySet<string> = new Set(['token', 'token-text', 'string', 'uri', 'reference', 'id']);

/** `or`, with leaves of the same values or the same paths merged. */
export function alternatives(conditions: readonly Condition[]): Condition {
  const merged = new Map<unknown, Condition>();
  for (const condition of conditions.flatMap((one) => (one.kind === 'or' ? one.parts : [one]))) {
    const key = keyOf(condition);
    const before = merged.get(key);
    merged.set(key, before === undefined ? condition : withValues(before, condition));
  }
  return or(mergeLeaves([...merged.values()]));
}

/** What two alternatives share where only their values differ; the condition itself where it stays apart. */
function keyOf(condition: Condition): unknown {
  if (!mergeable.has(condition.kind) || !('values' in condition)) return condition;
  const { values: _values, ...rest } = condition;
  return JSON.stringify(rest);
}

function withValues(one: Condition, other: Condition): Condition {
  if (!('values' in one) || !('values' in other)) return one;
  const seen = new Map([...one.values, ...other.values].map((value) => [JSON.stringify(value), value]));
  return { ...one, values: [...seen.values()] } as Condition;
}
