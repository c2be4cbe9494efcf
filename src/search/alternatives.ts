/**
 * Alternatives as few conditions: 30 categories that a caller may see are one look into the index, not 30.
 *
 * 1. Leaves of the same paths become one with the values of both: `code=a` or `code=b`.
 * 2. So do conditions that differ in one such leaf: `code=a&status=final` or `code=b&status=final`.
 */
import { mergeLeaves, or, type Condition } from './ast.ts';

const mergeable: ReadonlySet<string> = new Set(['token', 'token-text', 'string', 'uri', 'reference', 'id']);

/** `or`, with what can be one condition merged. */
export function alternatives(conditions: readonly Condition[]): Condition {
  const flat = conditions.flatMap((one) => (one.kind === 'or' ? one.parts : [one]));
  const leaves = merged(flat, (one) => leafKey(one), withValues);
  const most = Math.max(0, ...leaves.map((one) => partsOf(one).length));
  let rest = leaves;
  for (let place = 0; place < most; place++) {
    rest = merged(
      rest,
      (one) => conjunctionKey(one, place),
      (one, other) => withPart(one, other, place),
    );
  }
  return or(mergeLeaves(rest));
}

/** Those of one key become one; without a key each stays as it is. */
function merged(
  conditions: readonly Condition[],
  keyOf: (condition: Condition) => string | undefined,
  join: (one: Condition, other: Condition) => Condition,
): Condition[] {
  const found = new Map<unknown, Condition>();
  for (const condition of conditions) {
    const key = keyOf(condition) ?? condition;
    const before = found.get(key);
    found.set(key, before === undefined ? condition : join(before, condition));
  }
  return [...found.values()];
}

function partsOf(condition: Condition): readonly Condition[] {
  return condition.kind === 'and' ? condition.parts : [];
}

/** What two leaves share where only their values differ. */
function leafKey(condition: Condition | undefined): string | undefined {
  if (condition === undefined || !mergeable.has(condition.kind) || !('values' in condition)) return undefined;
  const { values: _values, ...rest } = condition;
  return JSON.stringify(rest);
}

/** What two conjunctions share where only the values of the leaf at this place differ. */
function conjunctionKey(condition: Condition, place: number): string | undefined {
  const parts = partsOf(condition);
  const leaf = leafKey(parts[place]);
  const others = parts.filter((_, i) => i !== place);
  if (leaf === undefined || !others.every((one) => leafKey(one) !== undefined)) return undefined;
  return JSON.stringify([place, leaf, others]);
}

function withPart(one: Condition, other: Condition, place: number): Condition {
  const parts = partsOf(one).map((part, i) => (i === place ? withValues(part, partsOf(other)[i] ?? part) : part));
  return { kind: 'and', parts };
}

function withValues(one: Condition, other: Condition): Condition {
  if (!('values' in one) || !('values' in other)) return one;
  const seen = new Map([...one.values, ...other.values].map((value) => [JSON.stringify(value), value]));
  return { ...one, values: [...seen.values()] } as Condition;
}
