/**
 * Conditions joined once: the same parts give the same object, so that what is remembered by condition (the groups of
 * types in a statement, the text of a statement) is found again.
 */
import type { Condition } from './ast.ts';

interface Place {
  condition?: Condition;
  readonly next: WeakMap<Condition, Place>;
}

const first: Place = { next: new WeakMap() };

/** `join` of the parts, each of which is known by its identity. */
export function joined(parts: readonly Condition[], join: () => Condition): Condition {
  let place = first;
  for (const part of parts) {
    const next = place.next.get(part) ?? { next: new WeakMap<Condition, Place>() };
    place.next.set(part, next);
    place = next;
  }
  return (place.condition ??= join());
}
