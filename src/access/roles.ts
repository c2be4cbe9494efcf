/**
 * The twelve roles that every laboratory begins with. A laboratory's own row of the same name replaces one
 * (src/access/role-definition.ts); what a role does not name it does not have.
 *
 * Decision: roles are rows of a table, shown and changed by $role-list, $role-set and $role-delete as Parameters. A FHIR
 * resource was rejected: whoever may write resources of its type could write roles.
 *
 * Contexts of the scopes: `user` and `system` reach every resource of the type, `patient` and the other compartments only
 * those in the compartment of that kind that the caller is in. {fhirUser} stands for the person's own reference.
 *
 * 1. No role writes AuditEvent, and none names all types: a new type begins without access.
 * 2. Whoever manages users or roles has no scope on the data of patients, and the other way round.
 * 3. Released results are those with a final status; only the pathologist gives one that status.
 */

import type { Managed } from './scopes.ts';

export interface RoleDefinition {
  readonly name: string;
  readonly title: string;
  /** SMART v2 scopes, in the contexts above. */
  readonly scopes: readonly string[];
  readonly manages: readonly Managed[];
  /** Whether its holders need a second factor, where the laboratory's setting does not say. */
  readonly secondFactor: boolean;
  /** Confidentiality codes (v3-Confidentiality) of what its holders may see. */
  readonly clearance: readonly string[] | 'all';
  /** May override Consent in an emergency, for so long. */
  readonly breakGlass?: { readonly minutes: number };
  readonly consent: 'enforced' | 'exempt';
}

/** Whose holders answer for the rights of the persons whom the data are about. */
export const officerRole = 'data-protection-officer';

const released = 'status=final,amended,corrected,appended';
const unreleased = 'status=registered,preliminary,cancelled';
const unreleasedReport = 'status=registered,partial,preliminary,cancelled';

/** Reviews of an emergency override (operations/break-glass-task.ts) are not the work of those who may have been at it. */
const review = 'urn:makhbar:task|break-glass-review';
const request = 'urn:makhbar:task|data-subject-request';
/** What the officers are told of the laboratory's departure (departing/officers.ts). */
const departure = 'urn:makhbar:task|departure';
const work = `code:not=${review},${request},${departure}`;
/** Letters of persons about their rights, and what they are given: the officer's and their own. */
const document = `type:not=${request}`;

/** Up to what is usual for patient data; restricted (R) and very restricted (V) need a word of their own. */
const usual = ['U', 'L', 'M', 'N'];
const restricted = [...usual, 'R'];

/** What the laboratory offers and how it names things: nothing of any patient. */
const catalogue = [
  'ActivityDefinition PlanDefinition ObservationDefinition SpecimenDefinition ChargeItemDefinition Questionnaire',
  'ValueSet CodeSystem ConceptMap NamingSystem StructureDefinition SearchParameter OperationDefinition',
]
  .join(' ')
  .split(' ');

/** Who and where: without them no order can be read. */
const directory = ['Organization', 'Location', 'HealthcareService', 'Practitioner', 'PractitionerRole', 'Endpoint'];

function each(types: readonly string[], permissions: string, context = 'user'): string[] {
  return types.map((type) => `${context}/${type}.${permissions}`);
}

const reference = each([...catalogue, ...directory], 'rs');

const enforced = { manages: [], consent: 'enforced' } as const;

/** Manages people, apps and the catalogue; results are none of his business. */
const administrator: RoleDefinition = {
  name: 'administrator',
  title: 'Administrator',
  // Definitions and the directory are settings. No delete of a person: who did something must stay named.
  scopes: [...each(catalogue, 'cruds'), ...each(directory, 'crus')],
  manages: ['users', 'clients', 'roles', 'launches', 'usage', 'settings'],
  secondFactor: true,
  clearance: usual,
  consent: 'enforced',
};

/** Registers patients and orders, takes payment, records consent; does not see results. */
const reception: RoleDefinition = {
  ...enforced,
  name: 'reception',
  title: 'Reception',
  scopes: [
    ...reference,
    ...each(['Patient', 'RelatedPerson', 'Coverage', 'Encounter', 'ServiceRequest', 'Appointment'], 'crus'),
    ...each(['Account', 'ChargeItem', 'Invoice'], 'crus'),
    // What a patient signs at the desk; a withdrawal is a new status, not a deletion.
    ...each(['Consent'], 'crus'),
    ...each(['Schedule', 'Slot', 'Specimen'], 'rs'),
    `user/Task.rs?${work}`,
    // A prescription is scanned and handed on.
    ...each(['DocumentReference', 'Binary'], 'c'),
  ],
  secondFactor: false,
  clearance: usual,
};

/** Finds the patient and the order, collects and labels; does not see results. */
const phlebotomist: RoleDefinition = {
  ...enforced,
  name: 'phlebotomist',
  title: 'Phlebotomist',
  scopes: [
    ...reference,
    ...each(['Patient', 'Encounter', 'ServiceRequest', 'Appointment'], 'rs'),
    ...each(['Specimen'], 'crus'),
    // Takes a task and says that it is done.
    `user/Task.rus?${work}`,
  ],
  secondFactor: false,
  // A specimen of a restricted order must be collected too.
  clearance: restricted,
};

/** Receives specimens, enters results and changes them until they are released. */
const technician: RoleDefinition = {
  ...enforced,
  name: 'technician',
  title: 'Technician',
  scopes: [
    ...reference,
    ...each(['Patient', 'Encounter'], 'rs'),
    // Accepts, holds and rejects an order.
    ...each(['ServiceRequest'], 'rus'),
    `user/Task.rus?${work}`,
    ...each(['Specimen', 'Media'], 'crus'),
    ...each(['Device', 'DeviceMetric', 'DeviceDefinition', 'Substance'], 'crus'),
    // Earlier results are read for the delta; a released one is not touched.
    ...each(['Observation', 'DiagnosticReport'], 'rs'),
    `user/Observation.cu?${unreleased}`,
    `user/DiagnosticReport.cu?${unreleasedReport}`,
    ...each(['Provenance'], 'c'),
  ],
  secondFactor: false,
  clearance: restricted,
};

/** Reviews, releases, amends and comments; answers for the result. */
const pathologist: RoleDefinition = {
  ...enforced,
  name: 'pathologist',
  title: 'Pathologist',
  scopes: [
    ...reference,
    ...each(['Patient', 'Encounter', 'Condition', 'Consent', 'RelatedPerson'], 'rs'),
    ...each(['Device', 'DeviceMetric', 'DeviceDefinition', 'Substance'], 'rs'),
    ...each(['ServiceRequest', 'Specimen', 'Observation', 'DiagnosticReport', 'Media'], 'crus'),
    `user/Task.crus?${work}`,
    // A critical value is told, and that it was told is kept.
    ...each(['Communication', 'Binary'], 'crus'),
    `user/DocumentReference.crus?${document}`,
    ...each(['Provenance'], 'crs'),
  ],
  secondFactor: true,
  clearance: 'all',
  breakGlass: { minutes: 60 },
};

/** Orders in his own name; sees what he ordered and what was released of it. */
const referringPhysician: RoleDefinition = {
  ...enforced,
  name: 'referring-physician',
  title: 'Referring physician',
  scopes: [
    ...reference,
    // The requester must be himself, before and after.
    'user/ServiceRequest.crus?requester={fhirUser}',
    'user/Patient.rs?_has:ServiceRequest:subject:requester={fhirUser}',
    'user/Specimen.rs?_has:ServiceRequest:specimen:requester={fhirUser}',
    // A result must name its order itself: access does not follow a report to its members (interactions/access.ts, 3).
    `user/Observation.rs?based-on:ServiceRequest.requester={fhirUser}&${released}`,
    `user/DiagnosticReport.rs?based-on:ServiceRequest.requester={fhirUser}&${released}`,
  ],
  secondFactor: false,
  clearance: restricted,
};

/** The patient himself: his compartment, and of results what was released. */
const patient: RoleDefinition = {
  name: 'patient',
  title: 'Patient',
  scopes: [
    ...each(['Patient', 'ServiceRequest', 'Specimen', 'Encounter', 'Appointment', 'Consent'], 'rs', 'patient'),
    ...each(['Coverage', 'Invoice', 'RelatedPerson'], 'rs', 'patient'),
    `patient/Observation.rs?${released}`,
    `patient/DiagnosticReport.rs?${released}`,
    'patient/DocumentReference.rs?status=current',
    // Asks for what the law gives him, sees how far it is, and fetches what he is given.
    `user/Task.crs?code=${request}&patient=Patient/{patient}`,
    // Files whose context he may read.
    'user/Binary.r?security-context:missing=false',
    // Whose name stands under a result; not the list of all of them.
    ...each(['Practitioner', 'PractitionerRole', 'Organization', 'Location'], 'r'),
  ],
  manages: [],
  secondFactor: false,
  clearance: restricted,
  // A consent is his own word about others.
  consent: 'exempt',
};

/** Asks who saw what and what patients agreed to; sees no result and no order. */
const dataProtectionOfficer: RoleDefinition = {
  name: officerRole,
  title: 'Data protection officer',
  scopes: [
    ...each(['AuditEvent', 'Consent'], 'rs'),
    ...each(['Organization', 'Practitioner', 'PractitionerRole'], 'rs'),
    // The server tells him of an emergency override; he says what he made of it.
    `user/Task.rus?code=${review}`,
    // It tells him that the laboratory leaves, too.
    `user/Task.rus?code=${departure}`,
    // Requests of persons are led on by $data-subject-step alone.
    `user/Task.rs?code=${request}`,
    `user/DocumentReference.rs?type=${request}`,
    // Files whose context is one of these.
    'user/Binary.rs?security-context:missing=false',
  ],
  // Restricts and erases.
  manages: ['privacy'],
  // Asks for exports, and what he reads says much about patients.
  secondFactor: true,
  clearance: 'all',
  // Must see a withdrawal and a denial to answer for them.
  consent: 'exempt',
};

/** Reads the log and nothing that it is about. */
const auditor: RoleDefinition = {
  ...enforced,
  name: 'auditor',
  title: 'Auditor',
  scopes: [...each(['AuditEvent'], 'rs'), ...each(['Organization', 'Practitioner', 'PractitionerRole'], 'rs')],
  secondFactor: true,
  clearance: 'all',
};

/** Takes out what the laboratory gives to research, without who the patients are; reads nothing of anybody. */
const researcher: RoleDefinition = {
  name: 'researcher',
  title: 'Researcher',
  scopes: [],
  manages: ['research'],
  secondFactor: true,
  clearance: usual,
  consent: 'enforced',
};

/** An analyser, a middleware, a hospital's interface: carries orders in and results out, deletes nothing. */
const machineInterface: RoleDefinition = {
  name: 'interface',
  title: 'Interface (machine)',
  scopes: [
    ...each(['Patient', 'RelatedPerson', 'Encounter', 'Coverage', 'ServiceRequest', 'Specimen'], 'crus', 'system'),
    ...each(['Observation', 'DiagnosticReport', 'Media'], 'crus', 'system'),
    `system/Task.crus?${work}`,
    `system/DocumentReference.crus?${document}`,
    ...each(['Appointment', 'Device', 'DeviceMetric', 'Organization', 'Location'], 'crus', 'system'),
    // Master files: staff and tests.
    ...each(['Practitioner', 'PractitionerRole', 'ObservationDefinition'], 'crus', 'system'),
    ...each(
      catalogue.filter((type) => type !== 'ObservationDefinition'),
      'rs',
      'system',
    ),
    ...each(['Binary', 'Provenance'], 'c', 'system'),
  ],
  manages: [],
  // Nobody is there to show one; a machine has a key or a certificate.
  secondFactor: false,
  clearance: 'all',
  // A result that a patient's consent hides must not be lost on its way in. Who asks from another organisation has a
  // client of its own, without this role.
  consent: 'exempt',
};

/** Runs the machine: how much is used, and the settings; no person, no patient. */
const operator: RoleDefinition = {
  ...enforced,
  name: 'operator',
  title: 'Operator',
  scopes: each(['SearchParameter', 'OperationDefinition', 'StructureDefinition'], 'rs'),
  manages: ['usage', 'settings'],
  secondFactor: true,
  clearance: usual,
};

export const shippedRoles: ReadonlyMap<string, RoleDefinition> = new Map(
  [
    administrator,
    reception,
    phlebotomist,
    technician,
    pathologist,
    referringPhysician,
    patient,
    dataProtectionOfficer,
    auditor,
    researcher,
    machineInterface,
    operator,
  ].map((role) => [role.name, role]),
);
