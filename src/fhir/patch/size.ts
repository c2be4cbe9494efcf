/**
 * What a patch may do. Without a limit, thirty `copy` operations of a resource into itself double it thirty times, and
 * values put below one another grow deeper than anything can read.
 */
import { defaultDepth } from '../json-parse.ts';
import type { JsonValue } from '../json.ts';
import { outcomeError } from '../outcome.ts';
import type { Member } from './json-member.ts';

/** Values that one patch may add or move in all: a guess, far above any real patch, and below 200 MB of memory. */
const mostValues = 1_000_000;

export interface Budget {
  left: number;
}

export function sizeBudget(): Budget {
  return { left: mostValues };
}

/** The member itself, when there is room for it at `depth`. @throws OutcomeError (422) */
export function measured(member: Member, depth: number, budget: Budget): Member {
  count(member.value, depth, budget);
  return member;
}

/** Takes the cost of some work from the budget. @throws OutcomeError (422) */
export function spend(budget: Budget, cost: number): void {
  budget.left -= cost;
  if (budget.left < 0) {
    throw outcomeError('too-costly', `A patch may add or move at most ${mostValues} values.`, { status: 422 });
  }
}

function count(value: JsonValue, depth: number, budget: Budget): void {
  spend(budget, 1);
  if (typeof value !== 'object' || value === null) {
    return;
  }
  if (depth >= defaultDepth) {
    throw outcomeError('structure', `A resource may be nested at most ${defaultDepth} levels deep.`, { status: 422 });
  }
  for (const item of Array.isArray(value) ? value : Object.values(value)) {
    count(item, depth + 1, budget);
  }
}
