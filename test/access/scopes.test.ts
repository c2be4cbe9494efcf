/** SMART App Launch 2.2, "Scopes for requesting FHIR Resources": syntax, v1 mapping, and what each interaction needs. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { operatorCaller } from '../../src/access/caller.ts';
import { decide, grantingOf, type Granting } from '../../src/access/decide.ts';
import { operationNeeds, type Interaction } from '../../src/access/needs.ts';
import {
  grants,
  parseManages,
  parseRoleScope,
  parseScope,
  parseScopes,
  scopeText,
  type Permission,
} from '../../src/access/scopes.ts';

function granting(scopes: string): Granting {
  return grantingOf(
    operatorCaller({
      subject: 's',
      client: 'c',
      scopes: parseScopes(scopes),
      manages: parseManages(scopes),
      patient: '1',
    }),
  );
}

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

  test('roles know more contexts', () => {
    expect(scopeText(parseRoleScope('practitioner/Task.rs'))).toBe('practitioner/Task.rs');
    expect(() => parseRoleScope('doctor/Task.rs')).toThrow(/is no scope/);
  });

  test('what may be managed stands among the scopes', () => {
    expect(parseManages('system/Patient.r manage/users manage/usage')).toEqual(['users', 'usage']);
    expect(parseScopes('system/Patient.r manage/users').map(scopeText)).toEqual(['system/Patient.r']);
    expect(() => parseManages('manage/everything')).toThrow(
      /"manage\/everything" is no scope: possible are manage\/users/,
    );
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
      expect([letter, decide(granting(`system/Patient.${letter}`), deed, 'Patient').allowed]).toEqual([
        letter,
        allowed,
      ]);
      expect(decide(granting(`system/Observation.${letter}`), deed, 'Patient').allowed).toBe(permission === '');
      expect(decide(granting(`user/*.${letter}`), deed, 'Patient').allowed).toBe(allowed);
    }
  });

  test('nothing without scopes', () => {
    expect(decide(granting(''), deed, 'Patient').allowed).toBe(permission === '');
  });
});

describe('the whole system', () => {
  test('needs a scope for all types', () => {
    expect(decide(granting('system/Patient.s'), 'search-system', '').allowed).toBe(false);
    expect(decide(granting('system/*.s'), 'search-system', '').allowed).toBe(true);
  });
});

describe('operations', () => {
  test('some decide by themselves', () => {
    const names = [...operationNeeds].filter(([, needed]) => needed.length === 0).map(([name]) => name);
    const deciding = [
      '$access-report',
      '$access-review',
      '$break-glass',
      '$break-glass-close',
      '$check-report',
      '$consent-explain',
      '$data-subject-request',
      '$export-file',
      '$export-status',
      '$import-errors',
      '$import-status',
    ];
    expect(names.sort()).toEqual(deciding);
  });

  test.each([...operationNeeds].filter(([, needed]) => needed.length > 0))('%s needs %j', (operation, needed) => {
    const without = [...'cruds'].filter((letter) => !needed.some((need) => need === letter)).join('');
    const manages = needed.flatMap((need) => (typeof need === 'object' ? [`manage/${need.manage}`] : [])).join(' ');
    const few = `system/Patient.${without} ${without === 'cruds' ? '' : manages}`;
    expect(decide(granting(few), 'operation', 'Patient', operation).allowed).toBe(false);
    expect(decide(granting(`system/Patient.cruds ${manages}`), 'operation', 'Patient', operation).allowed).toBe(true);
  });

  test.each(['$unknown', '', 'constructor', '__proto__'])('%s is refused with every scope', (operation) => {
    expect(decide(granting('system/*.cruds'), 'operation', 'Patient', operation).allowed).toBe(false);
  });
});

describe('fails closed', () => {
  const conditional = ['system/*.cruds?_tag=a', 'patient/*.cruds'];
  test.each(conditional)('%s does not do for the whole system', (text) => {
    expect(decide(granting(text), 'read', 'Observation').allowed).toBe(true);
    expect(decide(granting(text), 'search-system', '').allowed).toBe(false);
    expect(decide(granting(text), 'operation', '', '$reindex').allowed).toBe(false);
  });

  test('a denial names deed, type and a scope that would do', () => {
    expect(decide(granting(''), 'create', 'Patient')).toEqual({
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
        for (const permission of [...'cruds'] as Permission[]) {
          if (grants(some, permission, type)) expect(grants([...more, ...some], permission, type)).toBe(true);
        }
      },
    ),
  );
});
