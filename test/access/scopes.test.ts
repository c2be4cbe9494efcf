/** SMART App Launch 2.2, "Scopes for requesting FHIR Resources": syntax, v1 mapping, and what each interaction needs. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  checkIssuable,
  decide,
  grants,
  operationNeeds,
  parseScope,
  parseScopes,
  scopeText,
  type Interaction,
} from '../../src/access/scopes.ts';

describe('syntax', () => {
  const good: [string, string][] = [
    ['system/Patient.c', 'system/Patient.c'],
    ['user/*.cruds', 'user/*.cruds'],
    ['patient/Observation.rs', 'patient/Observation.rs'],
    ['system/Observation.read', 'system/Observation.rs'],
    ['system/Observation.write', 'system/Observation.cud'],
    ['user/*.*', 'user/*.cruds'],
    ['user/Observation.rs?category=laboratory&status=final', 'user/Observation.rs?category=laboratory&status=final'],
  ];
  test.each(good)('%s means %s', (text, canonical) => {
    expect(scopeText(parseScope(text))).toBe(canonical);
  });

  const bad = [
    '',
    'system/Patient',
    'system/Patient.',
    'system/Patient.rc',
    'system/Patient.rr',
    'system/Patient.x',
    'system/Patients.r',
    'system/patient.r',
    'practitioner/Patient.r',
    'system/Patient.r?',
    'system/Patient.R',
    ' system/Patient.r',
    'openid',
    'system/**.r',
    'system/__proto__.r',
  ];
  test.each(bad)('"%s" is refused', (text) => {
    expect(() => parseScope(text)).toThrow(/is no scope: it must be/);
  });

  test('a list is separated by spaces', () => {
    expect(parseScopes('system/Patient.r  user/*.s').map(scopeText)).toEqual(['system/Patient.r', 'user/*.s']);
  });
});

const interactions: Record<Exclude<Interaction, 'operation'>, string> = {
  create: 'c',
  read: 'r',
  vread: 'r',
  'history-instance': 'r',
  update: 'u',
  patch: 'u',
  delete: 'd',
  'search-type': 's',
  'history-type': 's',
  'search-system': 's',
  'history-system': 's',
  batch: '',
  transaction: '',
  capabilities: '',
};

describe.each(Object.entries(interactions))('%s needs %s', (interaction, permission) => {
  const deed = interaction as Interaction;
  test('on the type', () => {
    for (const letter of 'cruds') {
      const allowed = permission === '' || letter === permission;
      expect([letter, decide(parseScopes(`system/Patient.${letter}`), deed, 'Patient').allowed]).toEqual([
        letter,
        allowed,
      ]);
      expect(decide(parseScopes(`system/Observation.${letter}`), deed, 'Patient').allowed).toBe(permission === '');
      expect(decide(parseScopes(`user/*.${letter}`), deed, 'Patient').allowed).toBe(allowed);
    }
  });

  test('nothing without scopes', () => {
    expect(decide([], deed, 'Patient').allowed).toBe(permission === '');
  });
});

describe('the whole system', () => {
  test('needs a scope for all types', () => {
    expect(decide(parseScopes('system/Patient.s'), 'search-system', '').allowed).toBe(false);
    expect(decide(parseScopes('system/*.s'), 'search-system', '').allowed).toBe(true);
  });
});

describe('operations', () => {
  test.each([...operationNeeds])('%s needs %j', (operation, needed) => {
    const without = [...'cruds'].filter((letter) => !needed.some((permission) => permission === letter)).join('');
    expect(decide(parseScopes(`system/Patient.${without}`), 'operation', 'Patient', operation).allowed).toBe(false);
    expect(decide(parseScopes('system/Patient.cruds'), 'operation', 'Patient', operation).allowed).toBe(true);
  });

  test.each(['$unknown', '', 'constructor', '__proto__'])('%s is refused with every scope', (operation) => {
    expect(decide(parseScopes('system/*.cruds'), 'operation', 'Patient', operation).allowed).toBe(false);
  });
});

describe('fails closed', () => {
  const unenforced = ['user/Observation.rs?category=laboratory', 'patient/Observation.rs', 'patient/*.cruds'];
  test.each(unenforced)('%s grants nothing and is not issued', (text) => {
    const scopes = parseScopes(text);
    expect(decide(scopes, 'read', 'Observation').allowed).toBe(false);
    expect(() => checkIssuable(scopes)).toThrow(/is not issued: .* cannot be enforced yet/);
  });

  test('a token without scopes is not issued', () => {
    expect(() => checkIssuable([])).toThrow(/at least one scope/);
  });

  test('a denial names deed, type and a scope that would do', () => {
    expect(decide([], 'create', 'Patient')).toEqual({
      allowed: false,
      sentence: 'Your scopes do not allow create on Patient: that needs a scope such as system/Patient.c.',
    });
  });
});

test('more scopes never allow less', () => {
  const letters = fc.subarray([...'cruds'], { minLength: 1 }).map((list) => list.join(''));
  const scope = fc
    .tuple(fc.constantFrom('system', 'user', 'patient'), fc.constantFrom('Patient', 'Observation', '*'), letters)
    .map(([context, type, permissions]) => parseScope(`${context}/${type}.${permissions}`));
  fc.assert(
    fc.property(
      fc.array(scope),
      fc.array(scope),
      fc.constantFrom('Patient', 'Observation', '*'),
      (some, more, type) => {
        for (const permission of ['c', 'r', 'u', 'd', 's'] as const) {
          if (grants(some, permission, type)) expect(grants([...more, ...some], permission, type)).toBe(true);
        }
      },
    ),
  );
});
