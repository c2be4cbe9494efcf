/** What may go now: the rules and holds in force, as every removal needs them. */
import { readHolds, readOwnRules, revisionOf } from '../store/retention.ts';
import type { Session } from '../store/pool.ts';
import { rulesWith, type CategoryName, type Rule, type Rules } from './categories.ts';
import { before } from './period.ts';

export interface InForce {
  /** Whoever removes names it. */
  readonly revision: string;
  readonly rules: Rules;
  /** Everything is held, or these categories and patients are. */
  readonly everything: boolean;
  readonly held: ReadonlySet<string>;
  readonly patients: ReadonlySet<string>;
}

export async function readInForce(session: Session): Promise<InForce> {
  // First: a change after it makes what follows of no use, and not the other way round.
  const revision = await revisionOf(session);
  const [own, holds] = [await readOwnRules(session), await readHolds(session)];
  return {
    revision,
    rules: rulesWith(new Map(own.map(({ category, period, basis }): [string, Rule] => [category, { period, basis }]))),
    everything: holds.some(({ category, patient }) => category === undefined && patient === undefined),
    held: new Set(holds.flatMap(({ category }) => category ?? [])),
    patients: new Set(holds.flatMap(({ patient }) => patient ?? [])),
  };
}

/** A rule with the moment before which things go. */
export interface Due {
  readonly category: CategoryName;
  readonly period: string;
  readonly basis: string;
  /** Milliseconds since 1970. */
  readonly before: number;
  readonly heldPatients: ReadonlySet<string>;
  readonly revision: string;
}

/** Undefined where nothing of the category may go: no period, or a hold. */
export function dueOf(inForce: InForce, category: CategoryName, now: number): Due | undefined {
  const { revision, rules, everything, held, patients } = inForce;
  const { period, basis } = rules[category];
  if (period === undefined || everything || held.has(category)) return undefined;
  return { category, period, basis, before: before(period, now), heldPatients: patients, revision };
}
