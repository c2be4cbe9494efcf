/**
 * What is to be done in the laboratory, as searches with a name: `GET [base]/Specimen?_query=to-collect`, with any further
 * parameters, with `_summary=count` for how many. Pure. https://hl7.org/fhir/R4/search.html#query
 *
 * A name stands for its criteria: links of the answer show these, and access is that of any search.
 */
import { observationKindSystem, refusedKind } from './terms.ts';

export type Criteria = readonly (readonly [name: string, value: string])[];

export interface Worklist {
  readonly type: string;
  readonly name: string;
  readonly title: string;
  /** `{now}` is the moment of the search. */
  readonly criteria: Criteria;
}

const call = ['code', 'urn:makhbar:task|critical-result'] as const;

export const worklists: readonly Worklist[] = [
  list('ServiceRequest', 'to-accession', 'Orders that have no specimen yet', [
    ['status', 'active'],
    ['specimen:missing', 'true'],
  ]),
  list('ServiceRequest', 'to-run', 'Orders whose specimen is here and whose results are not', [
    ['status', 'active'],
    ['progress', 'received'],
  ]),
  list('ServiceRequest', 'to-send', 'Of these: for another laboratory', [
    ['status', 'active'],
    ['progress', 'received'],
    ['performer:missing', 'false'],
  ]),
  list('ServiceRequest', 'overdue', 'Orders whose turnaround time has passed', [
    ['status', 'active'],
    ['due', 'lt{now}'],
  ]),
  list('Specimen', 'to-collect', 'Specimens that are numbered and not collected', [['state', 'accessioned']]),
  list('Specimen', 'to-receive', 'Specimens that are collected and not here', [['state', 'collected']]),
  list('Specimen', 'away', 'Specimens that are at another laboratory', [['state', 'shipped']]),
  list('Observation', 'to-review', 'Results that nobody has looked at', [
    ['status', 'preliminary'],
    ['result-state', 'entered'],
  ]),
  list('Observation', 'held', 'Results that a control or a rule holds', [
    ['status', 'preliminary'],
    ['result-state', 'held'],
  ]),
  list('Observation', 'to-release', 'Results that were reviewed', [
    ['status', 'preliminary'],
    ['result-state', 'reviewed,approved'],
  ]),
  list('Observation', 'refused', 'Measurements that the rules did not take', [
    ['status', 'preliminary'],
    ['category', `${observationKindSystem}|${refusedKind}`],
  ]),
  list('Task', 'to-call', 'Critical results that nobody was told of', [call, ['status', 'requested']]),
  list('Task', 'call-overdue', 'Of these: those that should have been told by now', [
    call,
    ['status', 'requested'],
    ['period', 'eb{now}'],
  ]),
];

function list(type: string, name: string, title: string, criteria: Criteria): Worklist {
  return { type, name, title, criteria };
}

/** Canonical URL of the definition of a named query. */
export function worklistDefinition({ type, name }: Worklist): string {
  return `urn:makhbar:query:${type}-${name}`;
}

/** Names of a type. */
export function worklistsOf(type: string | undefined): Worklist[] {
  return worklists.filter((one) => one.type === type);
}

export function criteriaOf({ criteria }: Worklist, now: Date): Criteria {
  return criteria.map(([name, value]) => [name, value.replace('{now}', now.toISOString())] as const);
}
