/**
 * What a caller may see as a way to find it: where the access to the type searched is a set that an index finds, it takes
 * part in the choice of what a page starts from (strategy.ts). A caller who may see ten of a million resources would wait
 * for a scan of all of them otherwise.
 *
 * The condition stays where it is checked, too: this only adds a second look at rows that it found.
 */
import { and, type Search } from './ast.ts';
import { followsReferences } from './condition-kinds.ts';
import { isSet, partsOf } from './strategy.ts';

export function drivenByAccess(search: Search): Search {
  const [type, another] = search.types;
  const condition = type === undefined || another !== undefined ? undefined : search.access(type);
  if (condition === undefined) return search;
  // Chains of the query and of the access see different things; only what looks at the resource itself can move.
  const sets = partsOf(condition).filter((part) => isSet(part) && !followsReferences(part));
  return sets.length === 0 ? search : { ...search, condition: and([search.condition, ...sets]) };
}
