/** Whatever JSON comes as a role: what is taken keeps the rules that hold for every role, and is read back the same. */
import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import { readRoleDefinition, resolveRoles } from '../../src/access/role-definition.ts';
import { roleFacts } from '../../src/access/role-facts.ts';
import { shippedRoles, type RoleDefinition } from '../../src/access/roles.ts';
import { grants, managed, parseRoleScope } from '../../src/access/scopes.ts';
import type { JsonValue } from '../../src/fhir/json.ts';
import { OutcomeError } from '../../src/fhir/outcome.ts';
import { resourceTypes } from '../../src/fhir/resource-types.ts';

const types = ['AuditEvent', 'Observation', 'Patient', 'Practitioner', 'ActivityDefinition', 'ValueSet', '*'];
const permissions = ['c', 'r', 'u', 'd', 's', 'rs', 'cruds', 'read', 'write', '*'];
const scope = fc
  .tuple(
    fc.constantFrom('user', 'system', 'patient', 'practitioner', 'device'),
    fc.constantFrom(...types),
    fc.constantFrom(...permissions),
    fc.constantFrom('', '?status=final', '?_id={fhirUser}'),
  )
  .map(([context, type, letters, filter]) => `${context}/${type}.${letters}${filter}`);
const noScope = fc.constantFrom(
  'user/Auditevent.c',
  'user/.c',
  'user/Patient.sr',
  'USER/Patient.r',
  'manage/users',
  'user/Patient.r?',
  '',
);
const written = fc.oneof({ weight: 20, arbitrary: scope }, noScope);

const anything = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('all', true, 30, null));
const definition = fc.record(
  {
    name: fc.oneof({ weight: 30, arbitrary: fc.constantFrom('night-shift', 'auditor', 'x1') }, anything),
    title: fc.oneof({ weight: 30, arbitrary: fc.constant('Title') }, anything),
    scopes: fc.oneof({ weight: 30, arbitrary: fc.array(written, { maxLength: 3 }) }, anything),
    manages: fc.oneof({ weight: 30, arbitrary: fc.subarray([...managed]) }, anything),
    secondFactor: fc.oneof({ weight: 30, arbitrary: fc.boolean() }, anything),
    clearance: fc.oneof({ weight: 30, arbitrary: fc.subarray(['U', 'L', 'M', 'N', 'R', 'V']) }, anything),
    breakGlass: fc.oneof(
      { weight: 30, arbitrary: fc.record({ minutes: fc.integer({ min: -20, max: 1_500 }) }) },
      anything,
    ),
    consent: fc.oneof({ weight: 30, arbitrary: fc.constantFrom('enforced', 'exempt') }, anything),
    extra: fc.oneof({ weight: 30, arbitrary: fc.constant(undefined) }, anything),
  },
  { requiredKeys: ['name', 'title', 'scopes', 'manages', 'secondFactor', 'clearance', 'consent'] },
);

const administrative = resourceTypes.filter((type) =>
  grants(shippedRoles.get('administrator')?.scopes.map(parseRoleScope) ?? [], 'r', type),
);

function taken(value: JsonValue): RoleDefinition | undefined {
  try {
    return readRoleDefinition(value);
  } catch (error) {
    if (error instanceof OutcomeError) return undefined;
    throw error;
  }
}

test('what is taken keeps the rules; what is not grants nothing when it is stored', () => {
  let accepted = 0;
  fc.assert(
    fc.property(definition, (made) => {
      const value = JSON.parse(JSON.stringify(made)) as JsonValue;
      const role = taken(value);
      const stored = { name: String((value as { name: unknown }).name), definition: JSON.stringify(value) };
      const resolved = resolveRoles([stored.name], [stored]);
      if (role === undefined) {
        expect(resolved).toEqual([]);
        return;
      }
      accepted += 1;
      expect(resolved).toEqual([role]);
      expect(readRoleDefinition(JSON.parse(JSON.stringify(role)) as JsonValue)).toEqual(role);
      const { manages, roleScopes = [] } = roleFacts([role]);
      for (const letter of ['c', 'u', 'd'] as const) expect(grants(roleScopes, letter, 'AuditEvent')).toBe(false);
      if (manages.includes('users') || manages.includes('roles')) {
        const reached = resourceTypes.filter((type) =>
          (['c', 'r', 'u', 'd', 's'] as const).some((letter) => grants(roleScopes, letter, type)),
        );
        expect(reached.filter((type) => !administrative.includes(type))).toEqual([]);
      }
    }),
    { numRuns: 3_000, seed: 4 },
  );
  expect(accepted).toBeGreaterThan(200);
});
