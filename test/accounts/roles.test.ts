/** The shipped roles, and definitions of a laboratory's own: least privilege, and what is not understood grants nothing. */
import { describe, expect, test } from '@jest/globals';
import { makeCaller } from '../../src/access/caller.ts';
import { isFreshSecondFactor } from '../../src/access/authentication.ts';
import { readRoleDefinition, resolveRoles } from '../../src/access/role-definition.ts';
import { shippedRoles, type RoleDefinition } from '../../src/access/roles.ts';
import { grants, parseRoleScope, parseScopes, type Permission } from '../../src/access/scopes.ts';
import { demandsSecondFactor } from '../../src/access/second-factor.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { resourceTypes } from '../../src/fhir/resource-types.ts';
import { parseAccessFilter } from '../../src/interactions/access.ts';
import { indexed } from '../../src/interactions/search-parameters.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
import { productParameters } from '../../src/store/product-parameters.ts';

const roles = [...shippedRoles.values()];

function may(name: string, permission: Permission, type: string): boolean {
  const scopes = shippedRoles.get(name)?.scopes.map(parseRoleScope) ?? [];
  return grants(scopes, permission, type);
}

describe('shipped roles', () => {
  test('there are twelve, and each is a definition that this server would take', () => {
    expect(roles.map(({ name }) => name)).toEqual([
      'administrator',
      'reception',
      'phlebotomist',
      'technician',
      'pathologist',
      'referring-physician',
      'patient',
      'data-protection-officer',
      'auditor',
      'researcher',
      'interface',
      'operator',
    ]);
    for (const role of roles) expect(readRoleDefinition(JSON.parse(JSON.stringify(role)) as JsonObject)).toEqual(role);
  });

  test('every filter is one that the search understands', () => {
    for (const { type, filter } of roles.flatMap(({ scopes }) => scopes.map(parseRoleScope))) {
      if (filter === undefined) continue;
      const filled = filter.replaceAll('{fhirUser}', 'Practitioner%2F1').replaceAll('{patient}', '1');
      expect(parseAccessFilter(type, filled, { ...defaultParameters, of: indexed(productParameters) }).kind).not.toBe(
        'none',
      );
    }
  });

  // What a role may do with a type: the least that it can work with. A dash: nothing.
  const types = [
    'Patient',
    'ServiceRequest',
    'Specimen',
    'Observation',
    'DiagnosticReport',
    'Consent',
    'AuditEvent',
    'Practitioner',
    'ActivityDefinition',
  ];
  const table: Record<string, string[]> = {
    administrator: ['-', '-', '-', '-', '-', '-', '-', 'crus', 'cruds'],
    reception: ['crus', 'crus', 'rs', '-', '-', 'crus', '-', 'rs', 'rs'],
    phlebotomist: ['rs', 'rs', 'crus', '-', '-', '-', '-', 'rs', 'rs'],
    technician: ['rs', 'rus', 'crus', 'crus', 'crus', '-', '-', 'rs', 'rs'],
    pathologist: ['rs', 'crus', 'crus', 'crus', 'crus', 'rs', '-', 'rs', 'rs'],
    'referring-physician': ['rs', 'crus', 'rs', 'rs', 'rs', '-', '-', 'rs', 'rs'],
    patient: ['rs', 'rs', 'rs', 'rs', 'rs', 'rs', '-', 'r', '-'],
    'data-protection-officer': ['-', '-', '-', '-', '-', 'rs', 'rs', 'rs', '-'],
    auditor: ['-', '-', '-', '-', '-', '-', 'rs', 'rs', '-'],
    researcher: ['-', '-', '-', '-', '-', '-', '-', '-', '-'],
    interface: ['crus', 'crus', 'crus', 'crus', 'crus', '-', '-', 'crus', 'rs'],
    operator: ['-', '-', '-', '-', '-', '-', '-', '-', '-'],
  };
  test.each(Object.entries(table))('%s', (name, expected) => {
    const held = types.map(
      (type) => [...'cruds'].filter((letter) => may(name, letter as Permission, type)).join('') || '-',
    );
    expect(held).toEqual(expected);
  });

  test('nobody writes AuditEvent, nobody deletes what belongs to a patient, none names all types', () => {
    for (const { name, scopes } of roles) {
      expect([name, ...scopes.filter((scope) => /\/\*|AuditEvent\.(?!rs$)/.test(scope))]).toEqual([name]);
      const deletes = resourceTypes.filter((type) => may(name, 'd', type));
      expect([name, deletes.filter((type) => may('administrator', 'd', type))]).toEqual([name, deletes]);
    }
  });

  test('only the pathologist gives a result a final status, and only he, managers and those who ask for exports need a second factor', () => {
    const releasing = roles.filter(({ scopes }) =>
      scopes.some(
        (scope) => /^\w+\/(Observation|DiagnosticReport)\.c?r?u/.test(scope) && !/status=registered/.test(scope),
      ),
    );
    expect(releasing.map(({ name }) => name)).toEqual(['pathologist', 'interface']);
    const demanding = roles.filter((role) => demandsSecondFactor(role, undefined)).map(({ name }) => name);
    expect(demanding).toEqual([
      'administrator',
      'pathologist',
      'data-protection-officer',
      'auditor',
      'researcher',
      'operator',
    ]);
  });

  test('a role without its person grants nothing of what is a person’s', () => {
    const scopes = parseScopes('user/*.cruds patient/*.cruds');
    for (const name of ['referring-physician', 'patient']) {
      const roleScopes = shippedRoles.get(name)?.scopes.map(parseRoleScope);
      const { permits } = makeCaller({ subject: 'x', client: 'x', scopes, roleScopes });
      expect([
        name,
        ...permits.filter(({ type }) => ['Patient', 'Observation', 'ServiceRequest'].includes(type)),
      ]).toEqual([name]);
    }
  });
});

const own: RoleDefinition = {
  name: 'night-shift',
  title: 'Night shift',
  scopes: ['user/Observation.rs'],
  manages: [],
  secondFactor: false,
  clearance: ['N'],
  consent: 'enforced',
};

describe('who needs a second factor', () => {
  const cases: [string, Partial<RoleDefinition>, string[] | undefined, boolean][] = [
    ['reads', {}, undefined, false],
    ['says so', { secondFactor: true }, undefined, true],
    ['manages users', { scopes: [], manages: ['users'] }, undefined, true],
    ['manages usage', { scopes: [], manages: ['usage'] }, undefined, false],
    ['writes results', { scopes: ['user/Observation.cu'] }, undefined, true],
    ['writes results in their compartment', { scopes: ['practitioner/DiagnosticReport.u'] }, undefined, true],
    ['writes results that wait', { scopes: ['user/Observation.cu?status=preliminary'] }, undefined, false],
    ['releases among others', { scopes: ['user/Observation.cu?status=preliminary,final'] }, undefined, true],
    ['filters something else', { scopes: ['user/Observation.cu?category=laboratory'] }, undefined, true],
    [
      'corrects',
      { scopes: ['user/Observation.u?status=http://hl7.org/fhir/observation-status|corrected'] },
      undefined,
      true,
    ],
    ['reads everything', { scopes: ['user/*.rs'] }, undefined, true],
    ['reads everything of a patient', { scopes: ['patient/*.rs'] }, undefined, false],
    ['is a machine', { scopes: ['system/Observation.cu'] }, undefined, false],
    ['is named by the laboratory', {}, ['night-shift'], true],
    ['says so, and the laboratory names others', { secondFactor: true }, ['pathologist'], false],
    ['says so, and the laboratory names none', { secondFactor: true }, [], false],
  ];
  test.each(cases)('a role that %s', (_, change, setting, expected) => {
    expect(demandsSecondFactor({ ...own, ...change }, setting)).toBe(expected);
  });

  test.each([
    ['urn:makhbar:acr:second-factor', 0, true],
    ['urn:makhbar:acr:second-factor', -299, true],
    ['urn:makhbar:acr:second-factor', -306, false],
    ['urn:makhbar:acr:second-factor', 4, true],
    ['urn:makhbar:acr:second-factor', 60, false],
    ['urn:makhbar:acr:second-factor', undefined, false],
    ['urn:makhbar:acr:second-factor', NaN, false],
    ['urn:makhbar:acr:password', 0, false],
    [undefined, 0, false],
  ])('%s, %d seconds from now, is fresh for 300: %s', (acr, offset, expected) => {
    const now = 1_700_000_000_000;
    const authTime = offset === undefined ? undefined : now / 1_000 + offset;
    expect(isFreshSecondFactor({ acr, authTime }, 300, now)).toBe(expected);
  });
});

describe('definitions', () => {
  const stored = (value: unknown, name = 'night-shift'): { name: string; definition: string } => ({
    name,
    definition: typeof value === 'string' ? value : JSON.stringify(value),
  });

  test('a laboratory’s own role is used, and one in place of a shipped role', () => {
    const auditor = { ...own, name: 'auditor' };
    expect(resolveRoles(['night-shift', 'auditor', 'auditor'], [stored(own), stored(auditor, 'auditor')])).toEqual([
      own,
      auditor,
    ]);
    expect(resolveRoles(['auditor'], []).map(({ scopes }) => scopes.length)).toEqual([4]);
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['null', 'null'],
    ['a member of a newer version', { ...own, except: ['x'] }],
    ['another name', { ...own, name: 'auditor' }],
    ['a missing member', { ...own, consent: undefined }],
    ['a scope that is none', { ...own, scopes: ['user/Observation.rs', 'user/Observation.xyz'] }],
    ['scopes in one text', { ...own, scopes: 'user/Observation.rs' }],
    ['a number among the scopes', { ...own, scopes: ['user/Observation.rs', 1] }],
    ['writing the log', { ...own, scopes: ['user/AuditEvent.c'] }],
    ['users and patients', { ...own, manages: ['users'] }],
    ['a text for a truth', { ...own, secondFactor: 'false' }],
    ['an unknown clearance', { ...own, clearance: ['Q'] }],
    ['a clearance that is no array', { ...own, clearance: 'N' }],
    ['a broken glass without an end', { ...own, breakGlass: {} }],
    ['__proto__', '{"__proto__":{"x":1},"name":"night-shift"}'],
  ])('stored with %s it grants nothing, not even what was shipped', (_, value) => {
    expect(resolveRoles(['night-shift'], [stored(value)])).toEqual([]);
    expect(resolveRoles(['auditor'], [stored(value, 'auditor')]).filter(({ name }) => name !== 'auditor')).toEqual([]);
  });

  test('a name that nobody knows grants nothing', () => {
    expect(resolveRoles(['nobody', 'toString', '__proto__', ''], [])).toEqual([]);
  });
});
