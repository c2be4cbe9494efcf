/** What an application may be granted of what it asks for: never more than both say. */
import { expect, test } from '@jest/globals';
import { forItself, forPeople, grantable, needsPatient } from '../../src/identity/scopes.ts';

const cases: [asked: string, allowed: string, granted: string][] = [
  ['patient/*.rs', 'patient/*.rs', 'patient/*.rs'],
  ['patient/*.cruds', 'patient/*.rs', 'patient/*.rs'],
  ['patient/*.rs', 'patient/*.cruds', 'patient/*.rs'],
  ['patient/*.rs', 'patient/Observation.rs patient/Patient.r', 'patient/Observation.rs patient/Patient.r'],
  ['patient/Observation.rs', 'patient/*.s', 'patient/Observation.s'],
  ['patient/Observation.rs', 'user/*.rs', ''],
  ['user/Observation.c', 'user/Observation.rs', ''],
  // A filter on either side holds.
  ['user/Observation.rs?category=laboratory', 'user/*.rs', 'user/Observation.rs?category=laboratory'],
  ['user/Observation.rs', 'user/Observation.rs?category=laboratory', 'user/Observation.rs?category=laboratory'],
  [
    'user/Observation.rs?code=1',
    'user/Observation.cruds?category=laboratory',
    'user/Observation.rs?code=1&category=laboratory',
  ],
  // v1, whole and in part.
  ['patient/*.read', 'patient/*.cruds', 'patient/*.read'],
  ['patient/*.*', 'patient/*.read', 'patient/*.rs'],
  ['patient/Patient.write', 'patient/*.rs', ''],
  // Words.
  ['openid fhirUser launch/patient', 'openid launch/patient', 'openid launch/patient'],
  ['manage/users manage/clients', 'manage/clients', 'manage/clients'],
  ['email address unknown/x.y patient/Nothing.rs', 'openid patient/*.rs', ''],
  ['openid openid', 'openid', 'openid'],
];

test.each(cases)('%s of %s: %s', (asked, allowed, granted) => {
  expect(grantable(asked, allowed).join(' ')).toBe(granted);
});

test('an app for people gets nothing of the system, one for itself nothing else', () => {
  const words = ['openid', 'system/*.rs', 'user/*.rs', 'patient/*.rs', 'manage/users'];
  expect(forPeople(words)).toEqual(['openid', 'user/*.rs', 'patient/*.rs', 'manage/users']);
  expect(forItself(words)).toEqual(['system/*.rs', 'manage/users']);
});

test.each([
  [['launch/patient'], true],
  [['patient/Observation.rs'], true],
  [['launch', 'user/Patient.rs'], false],
])('%j needs a patient: %s', (words, needs) => {
  expect(needsPatient(words)).toBe(needs);
});
