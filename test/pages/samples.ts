/** Every page with made-up data, also in its unhappy states: what is looked at, and what axe-core goes through. */
import { accountPage } from '../../src/pages/account.ts';
import { choosePatientPage } from '../../src/pages/choose-patient.ts';
import type { Frame } from '../../src/pages/document.ts';
import { enrolPage, enrolPasskeyPage, enrolTotpPage } from '../../src/pages/enrol.ts';
import { errorPage } from '../../src/pages/error.ts';
import { grantPage } from '../../src/pages/grant.ts';
import { passwordPage, setPasswordPage } from '../../src/pages/password.ts';
import { recoveryCodesPage } from '../../src/pages/recovery-codes.ts';
import { secondFactorPage } from '../../src/pages/second-factor.ts';
import { signInPage } from '../../src/pages/sign-in.ts';
import { signedOutPage, signOutPage } from '../../src/pages/sign-out.ts';
import type { Texts } from '../../src/pages/texts/en.ts';

const posting = { action: '/demo/here', csrf: 'token' };
const time = new Date('2026-11-22T17:24:00Z');
const options = { challenge: 'AAAA', allowCredentials: [], userVerification: 'preferred' };
const newPassword = { ...posting, username: 'layla.haddad', minimum: 12 };
const app = { name: 'Mes Résultats', address: 'https://app.example/', returnsTo: 'https://app.example' };
const category = 'category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory';
const scopes = [
  'openid',
  'fhirUser',
  'launch/patient',
  `patient/Observation.rs?${category}`,
  'patient/DiagnosticReport.rs',
  'patient/ServiceRequest.cu',
  'user/Specimen.rs?status=available',
  'offline_access',
];
const patient = { name: 'ليلى القاسم', self: false };
const account = {
  csrf: 'token',
  username: 'layla.haddad',
  signedInAs: 'Dr Layla Haddad',
  apps: [
    { grant: 'g1', name: 'Mes Résultats', since: time, used: time, scopes, patient },
    { grant: 'g2', name: 'Ward board', since: time, until: time, scopes: ['user/Observation.rs'] },
  ],
  sessions: [
    { id: 's1', since: time, current: true },
    { id: 's2', since: time, current: false },
    { id: 's3', since: time, current: false },
  ],
  factors: [
    { id: 'f1', kind: 'totp' as const, since: time, used: time },
    { id: 'f2', kind: 'passkey' as const, name: 'Work laptop', since: time },
  ],
  recoveryCodes: 8,
  factorNeeded: true,
};
const patients = [
  { id: '1', name: 'ليلى القاسم', birthDate: '1987-03-09', gender: 'female', identifiers: ['MRN 4711'] },
  { id: '2', name: 'Amina Ben Salah', birthDate: '1990', gender: 'female', identifiers: ['MRN 4712', 'CNAM 12-3'] },
  { id: '3', identifiers: [] },
];

export const samples: Readonly<Record<string, (texts: Texts, frame: Frame) => string>> = {
  'sign-in': (texts, frame) =>
    signInPage(texts, { ...frame, ...posting, app: 'Mes Résultats', cancel: '/demo/cancel' }),
  'sign-in-wrong': (texts, frame) =>
    signInPage(texts, { ...frame, ...posting, username: 'layla', problem: 'credentials' }),
  'sign-in-missing': (texts, frame) => signInPage(texts, { ...frame, ...posting, problem: 'password' }),
  'sign-in-locked': (texts, frame) =>
    signInPage(texts, { ...frame, ...posting, username: 'layla', problem: 'locked', retryAfter: 300 }),
  'second-factor': (texts, frame) =>
    secondFactorPage(texts, { ...frame, ...posting, totp: true, recovery: true, passkey: options }),
  'second-factor-wrong': (texts, frame) =>
    secondFactorPage(texts, { ...frame, ...posting, totp: true, recovery: true, problem: 'totp' }),
  'choose-patient': (texts, frame) =>
    choosePatientPage(texts, { ...frame, ...posting, app: 'Mes Résultats', patients, more: true, problem: 'missing' }),
  'choose-patient-none': (texts, frame) =>
    choosePatientPage(texts, { ...frame, ...posting, app: 'X', patients: [], more: false, search: 'Nobody' }),
  grant: (texts, frame) => grantPage(texts, { ...frame, ...posting, app, scopes, patient, lasts: 'offline' }),
  'grant-self': (texts, frame) =>
    grantPage(texts, {
      ...frame,
      ...posting,
      app,
      scopes,
      kept: [],
      patient: { name: 'Layla', self: true },
      lasts: 3600,
      problem: 'nothing',
    }),
  account: (texts, frame) => accountPage(texts, { ...frame, ...account, done: 'app' }),
  'account-bare': (texts, frame) =>
    accountPage(texts, {
      ...frame,
      ...account,
      apps: [],
      factors: account.factors.slice(0, 1),
      sessions: account.sessions.slice(0, 1),
    }),
  password: (texts, frame) => passwordPage(texts, { ...frame, ...newPassword, problem: 'short' }),
  invitation: (texts, frame) =>
    setPasswordPage(texts, { ...frame, ...newPassword, purpose: 'invitation', name: 'Layla Haddad' }),
  reset: (texts, frame) =>
    setPasswordPage(texts, { ...frame, ...newPassword, purpose: 'reset', name: 'Layla Haddad', problem: 'again' }),
  enrol: (texts, frame) =>
    enrolPage(texts, { ...frame, totp: '/demo/t', passkey: '/demo/p', needed: true, later: '/' }),
  'enrol-totp': (texts, frame) =>
    enrolTotpPage(texts, {
      ...frame,
      ...posting,
      secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      address: 'otpauth://totp/Demo:layla.haddad?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Demo',
      back: '/demo/account',
    }),
  'enrol-passkey': (texts, frame) =>
    enrolPasskeyPage(texts, { ...frame, ...posting, options, totp: '/demo/t', problem: 'passkey' }),
  'recovery-codes': (texts, frame) =>
    recoveryCodesPage(texts, {
      ...frame,
      codes: Array.from({ length: 10 }, (_, at) => `7K3${at}-9QXZ-M4VT-${at}ABC`),
      made: time,
      username: 'layla.haddad',
      next: '/demo/account',
    }),
  'sign-out': (texts, frame) => signOutPage(texts, { ...frame, action: '/demo/end', xsrf: 'x', app: 'Mes Résultats' }),
  'signed-out': signedOutPage,
  error: (texts, frame) =>
    errorPage(texts, {
      ...frame,
      problem: 'address',
      code: 'invalid_redirect_uri',
      description: "redirect_uri did not match any of the client's registered redirect_uris",
      requestId: '8d1c',
    }),
};
