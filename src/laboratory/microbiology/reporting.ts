/**
 * Selective reporting: which susceptibilities a report does not tell. The rules are data: the table `reporting` of the
 * laboratory's Libraries (antibiogram.ts), with the columns organism (or group), drug and susceptible.
 *
 * 1. Where `susceptible` names drugs, the susceptibility is not reported as long as one of them is S in the same isolate; what is
 *    R is always reported.
 * 2. Where it names none, the susceptibility is never reported.
 * 3. What is not reported is stored, and the laboratory sees it with the reason: an Observation that is never released.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { extensions } from '../terms.ts';
import type { Category, Organism } from './interpret.ts';

export interface ReportingRule {
  readonly organism: string;
  readonly drug: string;
  /** Drugs that go before it. */
  readonly susceptible: readonly string[];
}

export interface Tested {
  readonly drug: string;
  readonly category: Category | undefined;
}

/** Why a susceptibility is not reported; undefined where it is. */
export function suppression(
  rules: readonly ReportingRule[],
  { code, groups }: Organism,
  own: Tested,
  isolate: readonly Tested[],
): string | undefined {
  const meant = rules.filter(({ organism, drug }) => drug === own.drug && [code, ...groups].includes(organism));
  if (meant.some(({ susceptible }) => susceptible.length === 0)) return 'Not reported by rule';
  if (own.category === 'R') return undefined;
  const before = meant.flatMap(({ susceptible }) => susceptible);
  const effective = isolate.find(({ drug, category }) => category === 'S' && before.includes(drug));
  return effective === undefined ? undefined : `Not reported by rule: ${effective.drug} is S`;
}

export function isSuppressed(observation: JsonObject): boolean {
  return extensions(observation, 'suppressed').length > 0;
}
