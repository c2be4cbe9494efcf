/** Permits: the intersection of a token's scopes with those of roles, compartments, placeholders. */
import { describe, expect, test } from '@jest/globals';
import { makeCaller, type CallerFacts } from '../../src/access/caller.ts';
import { permitsOf, type Compartments, type Permit, type Who } from '../../src/access/permits.ts';
import { parseRoleScope, parseScopes } from '../../src/access/scopes.ts';

const nurse: Who = { fhirUser: 'Practitioner/n', compartments: { Practitioner: 'n', Patient: 'p' } };
const nobody: Who = { compartments: {} };

/** `Observation.rs [Patient/p] ?category=a ?status=final`; those of the token come first */
function text({ type, permissions, compartments, filters: own, roleFilters }: Permit): string {
  const filters = [...own, ...roleFilters];
  const inside = compartments.map((one) => ` [${one.type}/${one.id}]`).join('');
  return `${type}.${permissions}${inside}${filters.map((filter) => ` ?${filter}`).join('')}`;
}

const cases: [what: string, token: string, role: string | undefined, who: Who, permits: string[]][] = [
  ['no roles bind', 'system/*.rs user/Patient.c', undefined, nobody, ['*.rs', 'Patient.c']],
  ['roles bind, but there is none', 'user/*.cruds', '', nurse, []],
  ['a role without a token scope', '', 'user/*.cruds', nurse, []],
  ['the narrower type', 'user/*.rs', 'user/Observation.cruds', nurse, ['Observation.rs']],
  ['the other way round', 'user/Observation.rs', 'user/*.cruds', nurse, ['Observation.rs']],
  ['other types', 'user/Observation.rs', 'user/Patient.rs', nurse, []],
  ['no permission in common', 'user/Observation.c', 'user/Observation.rs', nurse, []],
  ['both filters', 'user/*.rs?status=final', 'user/*.s?category=a', nurse, ['*.s ?status=final ?category=a']],
  ['the same filter once', 'user/*.r?status=final', 'user/*.r?status=final', nurse, ['*.r ?status=final']],
  ['a compartment', 'patient/*.rs', 'user/Observation.rs', nurse, ['Observation.rs [Patient/p]']],
  ['the same compartment once', 'patient/*.rs', 'patient/*.r', nurse, ['*.r [Patient/p]']],
  ['two compartments', 'patient/*.rs', 'practitioner/*.r', nurse, ['*.r [Patient/p] [Practitioner/n]']],
  ['a compartment one is not in', 'patient/*.rs user/Task.r', undefined, nobody, ['Task.r']],
  ['a role compartment one is not in', 'user/*.rs', 'encounter/*.rs', nurse, []],
  ['alternatives', 'user/*.rs', 'user/Task.rs?a=1 user/Task.r', nurse, ['Task.rs ?a=1', 'Task.r']],
  ['the same twice', 'user/*.rs user/*.rs', 'user/Task.r', nurse, ['Task.r']],
  ['a placeholder', 'user/*.r', 'user/Task.r?owner={fhirUser}', nurse, ['Task.r ?owner=Practitioner%2Fn']],
  ['two placeholders', 'user/*.r', 'user/Task.r?a={fhirUser}&b={patient}', nurse, ['Task.r ?a=Practitioner%2Fn&b=p']],
  ['a placeholder without a value', 'user/*.r', 'user/Task.r?owner={fhirUser} user/Basic.r', nobody, ['Basic.r']],
  ['an unknown placeholder', 'user/*.r', 'user/Task.r?owner={constructor}', nurse, []],
  ['a placeholder in a token is none', 'user/Task.r?owner={fhirUser}', undefined, nurse, ['Task.r ?owner={fhirUser}']],
];

describe('compartments of a caller', () => {
  const cases: [string, Partial<CallerFacts>, Compartments][] = [
    ['nobody', {}, {}],
    ['a practitioner', { fhirUser: 'Practitioner/n' }, { Practitioner: 'n' }],
    [
      'a practitioner with a patient',
      { fhirUser: 'Practitioner/n', patient: 'p' },
      { Practitioner: 'n', Patient: 'p' },
    ],
    ['a patient', { fhirUser: 'Patient/p' }, { Patient: 'p' }],
    [
      'a patient in his own context',
      { fhirUser: 'Patient/p', patient: 'p', encounter: 'e' },
      { Patient: 'p', Encounter: 'e' },
    ],
    ['a patient in the context of another', { fhirUser: 'Patient/p', patient: 'q', encounter: 'e' }, {}],
    ['a mother', { fhirUser: 'RelatedPerson/m', patient: 'p' }, { RelatedPerson: 'm', Patient: 'p' }],
    ['an organization', { fhirUser: 'Organization/o' }, {}],
  ];
  test.each(cases)('%s', (_, facts, compartments) => {
    expect(makeCaller({ subject: 's', client: 'c', scopes: [], ...facts }).compartments).toEqual(compartments);
  });

  test('without facts to the contrary nothing is cleared and consent is enforced', () => {
    const caller = makeCaller({ subject: 's', client: 'c', scopes: parseScopes('system/*.rs') });
    expect(caller).toMatchObject({ clearance: [], consent: 'enforced', operator: false, manages: [], roles: [] });
  });
});

describe('permits', () => {
  test.each(cases)('%s', (_, token, role, who, expected) => {
    const roleScopes = role?.split(' ').filter(Boolean).map(parseRoleScope);
    expect(permitsOf(parseScopes(token), roleScopes, who).map(text)).toEqual(expected);
  });

  test('a value cannot break out of its place in the filter', () => {
    const who: Who = { fhirUser: 'Practitioner/a&_id=b', compartments: {} };
    const [permit] = permitsOf(parseScopes('user/*.r'), [parseRoleScope('user/Task.r?owner={fhirUser}')], who);
    expect(permit?.roleFilters).toEqual(['owner=Practitioner%2Fa%26_id%3Db']);
  });
});
