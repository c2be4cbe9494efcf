/**
 * The functional lists: `_list=$current-allergies` and its like, worked out from the resources of a patient instead of
 * being kept by somebody. https://hl7.org/fhir/R4/lifecycle.html#lists
 *
 * The specification leaves it to the server what is current. Here:
 *
 * | list | is |
 * |---|---|
 * | $current-problems | Condition that is active, recurring or relapsed, neither refuted nor entered in error, of the category problem-list-item or of none |
 * | $current-medications | MedicationStatement and MedicationRequest that are active or on hold, without mere proposals |
 * | $current-allergies | AllergyIntolerance that is active, neither refuted nor entered in error |
 * | $current-drug-allergies | those of them with the category medication |
 *
 * 1. A list is of a patient: the query names one, or is made in a patient's compartment.
 * 2. Nothing is asked of an element beyond what its search parameter answers, so that a list is as fast as that search.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { or, type Condition } from './ast.ts';
import type { ParseContext, Query } from './context.ts';
import { badValue } from './value.ts';

/** Criteria that must all hold; of the alternatives in one of them any. */
type Criteria = readonly (readonly (readonly [name: string, value: string])[])[];

const valid: Criteria = [[['verification-status:not', 'entered-in-error']], [['verification-status:not', 'refuted']]];
const allergies: Criteria = [
  ...valid,
  [['clinical-status', 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical|active']],
];
const conditionClinical = 'http://terminology.hl7.org/CodeSystem/condition-clinical';
const problems: Criteria = [
  ...valid,
  [
    ['clinical-status', `${conditionClinical}|active`],
    ['clinical-status', `${conditionClinical}|recurrence`],
    ['clinical-status', `${conditionClinical}|relapse`],
  ],
  [
    ['category', 'problem-list-item'],
    ['category:missing', 'true'],
  ],
];
const ongoing: Criteria = [[['status', 'active,on-hold']]];

const lists: Readonly<Record<string, Readonly<Record<string, Criteria>>>> = {
  '$current-problems': { Condition: problems },
  '$current-medications': {
    MedicationRequest: [...ongoing, [['intent:not', 'proposal']]],
    MedicationStatement: ongoing,
  },
  '$current-allergies': { AllergyIntolerance: allergies },
  '$current-drug-allergies': { AllergyIntolerance: [...allergies, [['category', 'medication']]] },
};

export function isFunctionalList(value: string): boolean {
  return value.startsWith('$');
}

interface Asked {
  readonly list: string;
  readonly types: readonly string[];
  readonly context: ParseContext;
}

/** How a criterion of one type becomes a condition. */
export type ParseCriterion = (type: string, name: string, value: string) => Condition;

/** Being on the list. */
export function functionalList({ list, types, context }: Asked, parse: ParseCriterion): Condition {
  const members = Object.hasOwn(lists, list) ? lists[list] : undefined;
  if (members === undefined) {
    throw badValue('_list', list, `the functional lists of this server are ${Object.keys(lists).join(', ')}.`);
  }
  if (context.depth > 0) {
    throw badValue('_list', list, 'a functional list is asked of the type searched, not in a chain, _has or _filter.');
  }
  const holding = types.filter((type) => Object.hasOwn(members, type));
  if (holding.length === 0) {
    throw badValue('_list', list, `it is a list of ${Object.keys(members).join(' and ')}.`);
  }
  return or(
    holding.map((type): Condition => {
      const parts = (members[type] ?? []).map((alternatives) =>
        or(alternatives.map(([name, value]) => parse(type, name, value))),
      );
      return { kind: 'and', parts: types.length === 1 ? parts : [{ kind: 'type', type }, ...parts] };
    }),
  );
}

/** A parameter that says whose resources are meant: `patient=1`, `subject:Patient=1`, `patient.identifier=…`. */
const ofPatient = /^(patient|subject)(:Patient|:identifier)?(\.|$)/;

/** @throws OutcomeError where a functional list is asked for without saying whose. */
export function checkPatient(list: string, query: Query, compartment: Condition | undefined): void {
  if (!isFunctionalList(list) || (compartment?.kind === 'compartment' && compartment.type === 'Patient')) return;
  if (query.some(([name]) => ofPatient.test(name))) return;
  throw outcomeError(
    'required',
    `The functional list ${list.slice(0, 60)} is that of a patient: name one, as in patient=123, or search Patient/123/….`,
    { status: 400 },
  );
}
