/**
 * What can happen: the table of kinds of events. The number of a kind is stored and never changes; a kind is never
 * removed, because old events name it.
 *
 * Types and subtypes are the codes of FHIR and DICOM (PS3.15 A.5, PS3.16 CID 400) where they have one; the rest are ours
 * (profiles/audit-event-subtype.json). Profiles of IHE BALP 1.1 are named where an event follows one.
 */
import type { JsonObject } from '../fhir/json.ts';

export type Action = 'C' | 'R' | 'U' | 'D' | 'E';

export interface Kind {
  readonly number: number;
  readonly type: JsonObject;
  readonly subtype: JsonObject;
  readonly action: Action;
  /** The name of a BALP profile, before `Patient` is put to it: IHE.BasicAudit.Read, IHE.BasicAudit.PatientRead. */
  readonly balp?: 'Create' | 'Read' | 'Update' | 'Delete' | 'Query';
  /** Which way the data goes: to the client (a read), or from it. */
  readonly toClient?: true;
}

/** Members in the order of their names (event.ts). */
const rest = {
  code: 'rest',
  display: 'RESTful Operation',
  system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
};
const interactionSystem = 'http://hl7.org/fhir/restful-interaction';
/** The codes of DICOM (PS3.16). */
export const dicom = 'http://dicom.nema.org/resources/ontology/DCM';

/** Codes that neither FHIR nor DICOM has. */
export const ownSubtypes = 'https://makhbar.org/fhir/CodeSystem/audit-event-subtype';

/** Commands of the operator, `makhbar user add`; deeds on one's own account, `account password`. */
export const ownCommands = 'https://makhbar.org/fhir/CodeSystem/command';

/** Operations by their names with `$`. */
export const ownOperations = 'https://makhbar.org/fhir/CodeSystem/operation';

function restful(number: number, code: string, action: Action, more: Partial<Kind> = {}): Kind {
  return { number, type: rest, subtype: { code, display: code, system: interactionSystem }, action, ...more };
}

function security(
  number: number,
  [code, display]: readonly [string, string],
  subtype: JsonObject,
  action: Action = 'E',
): Kind {
  return { number, type: { code, display, system: dicom }, subtype, action };
}

function own(code: string): JsonObject {
  return { code, display: code, system: ownSubtypes };
}

function dcm(code: string, display: string): JsonObject {
  return { code, display, system: dicom };
}

const authentication = ['110114', 'User Authentication'] as const;
const alert = ['110113', 'Security Alert'] as const;
const activity = ['110100', 'Application Activity'] as const;

export const kinds = {
  create: restful(1, 'create', 'C', { balp: 'Create' }),
  read: restful(2, 'read', 'R', { balp: 'Read', toClient: true }),
  vread: restful(3, 'vread', 'R', { balp: 'Read', toClient: true }),
  update: restful(4, 'update', 'U', { balp: 'Update' }),
  patch: restful(5, 'patch', 'U', { balp: 'Update' }),
  delete: restful(6, 'delete', 'D', { balp: 'Delete' }),
  'history-instance': restful(7, 'history-instance', 'R', { balp: 'Read', toClient: true }),
  'history-type': restful(8, 'history-type', 'E', { balp: 'Query' }),
  'history-system': restful(9, 'history-system', 'E', { balp: 'Query' }),
  'search-type': restful(10, 'search-type', 'E', { balp: 'Query' }),
  'search-system': restful(11, 'search-system', 'E', { balp: 'Query' }),
  operation: restful(12, 'operation', 'E'),
  batch: restful(13, 'batch', 'E'),
  transaction: restful(14, 'transaction', 'E'),

  'sign-in': security(30, authentication, dcm('110122', 'Login')),
  'sign-in-failed': security(31, authentication, own('sign-in-failed')),
  'sign-out': security(32, authentication, dcm('110123', 'Logout')),
  'second-factor': security(33, authentication, own('second-factor')),
  'second-factor-failed': security(34, authentication, own('second-factor-failed')),
  'token-issued': security(35, authentication, own('token-issued')),
  'token-refreshed': security(36, authentication, own('token-refreshed')),
  'token-revoked': security(37, authentication, own('token-revoked')),
  'token-refused': security(38, alert, own('token-refused')),
  'access-denied': security(39, alert, dcm('110132', 'Use of Restricted Function')),
  'emergency-override-started': security(40, alert, dcm('110127', 'Emergency Override Started')),
  'emergency-override-stopped': security(41, alert, dcm('110128', 'Emergency Override Stopped')),
  'user-changed': security(42, alert, dcm('110137', 'User Security Attributes Changed'), 'U'),
  'role-changed': security(43, alert, dcm('110136', 'Security Roles Changed'), 'U'),
  'client-changed': security(44, alert, dcm('110130', 'Security Configuration'), 'U'),
  'settings-changed': security(45, alert, dcm('110130', 'Security Configuration'), 'U'),
  'key-rotated': security(46, alert, own('key-rotated'), 'U'),

  'application-start': security(60, activity, dcm('110120', 'Application Start')),
  'application-stop': security(61, activity, dcm('110121', 'Application Stop')),
  'retention-run': security(62, activity, own('retention-run'), 'D'),
  'audit-verified': security(63, ['110101', 'Audit Log Used'], own('audit-verified'), 'R'),

  'patient-erased': security(70, alert, own('patient-erased'), 'D'),
  'erasure-previewed': security(71, alert, own('erasure-previewed'), 'R'),
  'processing-restricted': security(72, alert, own('processing-restricted'), 'U'),
  'restriction-lifted': security(73, alert, own('restriction-lifted'), 'U'),

  'retention-announced': security(80, activity, own('retention-announced'), 'R'),
  'retention-rule-changed': security(81, alert, dcm('110130', 'Security Configuration'), 'U'),
  'sub-processor-changed': security(83, alert, own('sub-processor-changed'), 'U'),
  'legal-hold-changed': security(82, alert, own('legal-hold-changed'), 'U'),
  'data-subject-request': security(75, activity, own('data-subject-request'), 'C'),
  'data-subject-step': security(76, activity, own('data-subject-step'), 'U'),

  // What asks for nothing that there is, and many refusals told as one.
  'request-refused': { number: 85, type: rest, subtype: own('request-refused'), action: 'E' },
  'requests-refused': security(86, alert, own('requests-refused')),
  'app-state': { number: 87, type: rest, subtype: own('app-state'), action: 'E' },

  // What another system sent: shown as it was sent (external.ts).
  external: { number: 90, type: rest, subtype: own('external'), action: 'E' },

  // DICOM's Import and Export are of data that come in and go out in messages.
  'message-received': security(100, ['110107', 'Import'], own('message-received'), 'C'),
  'message-refused': security(101, alert, own('message-refused')),
  'message-read': security(102, activity, own('message-read'), 'R'),
  'message-sent': security(106, ['110106', 'Export'], own('message-sent'), 'R'),
  'message-not-sent': security(107, alert, own('message-not-sent')),
  'interface-stalled': security(108, alert, own('interface-stalled')),
  'interface-resumed': security(109, activity, own('interface-resumed')),
  'message-retried': security(110, activity, own('message-retried')),
  'message-explained': security(111, activity, own('message-explained'), 'R'),
  'interface-tested': security(112, activity, own('interface-tested')),

  'research-project-changed': security(119, alert, own('research-project-changed'), 'U'),
  // DICOM's Export is of data that leave the system for a purpose of their own.
  'deidentified-export-requested': security(118, ['110106', 'Export'], own('deidentified-export-requested')),
  'export-requested': security(120, ['110106', 'Export'], own('export-requested')),
  'export-finished': security(121, ['110106', 'Export'], own('export-finished'), 'R'),
  'export-read': { ...security(122, ['110106', 'Export'], own('export-read'), 'R'), toClient: true },
  'export-removed': security(123, activity, own('export-removed'), 'D'),
  'import-requested': security(124, ['110107', 'Import'], own('import-requested')),
  'import-stored': security(125, ['110107', 'Import'], own('import-stored'), 'C'),
  'import-finished': security(126, ['110107', 'Import'], own('import-finished')),
  'import-removed': security(127, activity, own('import-removed'), 'D'),

  // A laboratory leaves with all that is its own.
  'package-written': security(130, ['110106', 'Export'], own('package-written'), 'R'),
  'departure-announced': security(131, alert, own('departure-announced'), 'U'),
  'departure-cancelled': security(132, alert, own('departure-cancelled'), 'U'),
  'departure-reminded': security(133, alert, own('departure-reminded'), 'U'),
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof kinds;

const byNumber = new Map<number, KindName>(
  Object.entries(kinds).map(([name, { number }]) => [number, name as KindName]),
);

/** @throws RangeError for a number that no kind has. */
export function kindOf(number: number): KindName {
  const name = byNumber.get(number);
  if (name === undefined) throw new RangeError(`There is no kind of event ${number}.`);
  return name;
}
