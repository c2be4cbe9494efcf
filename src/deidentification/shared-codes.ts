/**
 * Codes that are told only where enough patients share them (`SharedConcept` in rules.json): diagnoses, medications, reasons,
 * coded results. Pure.
 *
 * What fewer have is told as the category above it, as far as the code says that category by its beginning (`categories`: how
 * long that is, the narrower first), and where these are too few as well it is left out.
 *
 * 1. Of a category only those count who are told as it: not those of whom more is told, or one who is alone in it would stand
 *    out again. 2. What was not counted is not told.
 */
import { rules, type ElementRule } from './rules.ts';

export interface Coded {
  readonly system: string;
  readonly code: string;
}

export interface CodeCount extends Coded {
  /** The patients who have it, where they are fewer than must share it. */
  readonly who: readonly string[] | undefined;
}

/** @returns `system|code` of the codes and categories that enough share */
export function sharedCodes(counts: readonly CodeCount[], least: number): string[] {
  const shared = new Set(counts.filter(({ who }) => who === undefined).map(keyOf));
  let rare = counts.filter(({ who }) => who !== undefined);
  const deepest = Math.max(0, ...[...rules.categories.values()].map(({ length }) => length));
  for (let level = 0; level < deepest; level++) {
    const classes = Map.groupBy(rare, (one) => keyOf({ ...one, code: categoryOf(one, level) }));
    for (const [key, members] of classes) {
      if (new Set(members.flatMap(({ who = [] }) => who)).size >= least) shared.add(key);
    }
    rare = rare.filter((one) => !shared.has(keyOf({ ...one, code: categoryOf(one, level) })));
  }
  return [...shared].toSorted();
}

/** What a code is told as; undefined leaves it out. */
export function sharedAmong(shared: ReadonlySet<string>, { system, code }: Coded): Coded | undefined {
  const levels = rules.categories.get(system) ?? [];
  const told = [code, ...levels.map((_, level) => categoryOf({ system, code }, level))];
  const found = told.find((one) => shared.has(keyOf({ system, code: one })));
  return found === undefined ? undefined : { system, code: found };
}

/** Type → JSON paths of the codings that are told so. */
export const sharedPaths: ReadonlyMap<string, readonly string[]> = new Map(
  [...rules.resources].flatMap(([type, elements]) => {
    const paths = elements.flatMap((element) => pathsOf(element, '$'));
    return paths.length === 0 ? [] : [[type, paths]];
  }),
);

function pathsOf({ name, deed, members = [] }: ElementRule, before: string): string[] {
  const path = `${before}.${name}`;
  return deed === 'sharedCoding' ? [`${path}[*]`] : members.flatMap((member) => pathsOf(member, path));
}

/** Itself, where it is no longer than the category or its system says nothing of categories. */
function categoryOf({ system, code }: Coded, level: number): string {
  return code.slice(0, rules.categories.get(system)?.[level]);
}

function keyOf({ system, code }: Coded): string {
  return `${system}|${code}`;
}
