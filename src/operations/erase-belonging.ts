/**
 * Whether a resource goes with its patient. Pure.
 *
 * 1. One whose subject (or patient, beneficiary, …: one Reference) is a patient belongs to that patient alone, whoever else
 *    it names: a mother's Observation that has her child as performer is hers.
 * 2. One that has patients as members, participants or parts belongs to the only one that it names; where it names several
 *    it stays, and its reference is removed.
 * 3. A Provenance goes with the last of its targets, a Binary with what it has its security from.
 * 4. Lists, and what is no record of a patient at all (a device, a practitioner, a schedule of a room), stay.
 * 5. Tasks of the laboratory about the rights of patients (code system urn:makhbar:task) stay as they are: they prove that
 *    the request was fulfilled. Not those that review an override: their text tells an emergency of the patient.
 */
import type { JsonObject } from '../fhir/json.ts';
import { listOf, namedBy, namesIn, objectOf, type Subject } from './erase-subject.ts';
import { reviewCode } from './break-glass-task.ts';

/** `goes` with the patient, `names` him and stays, `record` of a request, or nothing of his. */
export type Belonging = 'goes' | 'names' | 'record' | 'none';

/** Elements with one Reference that says whose a resource is. */
const owners = ['subject', 'patient', 'beneficiary', 'for', 'individual'];

/** Types whose patients are parts of it. */
const gathering: ReadonlySet<string> = new Set([
  'Account',
  'Appointment',
  'AppointmentResponse',
  'Bundle',
  'Communication',
  'CommunicationRequest',
  'Group',
  'Person',
  'Schedule',
]);

/** @param erased `Type/id` of what is erased */
export function belongingOf(subject: Subject, resource: JsonObject, erased: ReadonlySet<string>): Belonging {
  const own = `Patient/${subject.patient}`;
  const type = String(resource['resourceType']);
  if (type === 'Patient' && resource['id'] === subject.patient) return 'goes';
  const names = namesIn(subject, resource);
  const concerned = names.has(own) || [...names].some((name) => erased.has(name));
  if (!concerned) return 'none';
  if (isRecord(resource)) return 'record';
  return goes({ subject, resource, erased, names, own, type }) ? 'goes' : 'names';
}

interface Asked {
  readonly subject: Subject;
  readonly resource: JsonObject;
  readonly erased: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  readonly own: string;
  readonly type: string;
}

function goes({ subject, resource, erased, names, own, type }: Asked): boolean {
  const gone = (reference: JsonObject): boolean => {
    const name = namedBy(subject, reference);
    return name === own || (name !== undefined && erased.has(name));
  };
  if (type === 'Provenance') return listOf(resource['target']).every(gone);
  if (type === 'Binary') return gone(objectOf(resource['securityContext']) ?? {});
  if (type === 'Patient') return false;
  const owner = ownerOf(subject, resource);
  if (owner !== undefined) return owner === own;
  if (!gathering.has(type)) return false;
  if (type === 'Person' && !listOf(resource['link']).every((link) => gone(objectOf(link['target']) ?? {})))
    return false;
  const patients = [...names].filter((name) => name.startsWith('Patient/'));
  return patients.length === 1 && patients[0] === own;
}

function ownerOf(subject: Subject, resource: JsonObject): string | undefined {
  for (const member of owners) {
    const reference = objectOf(resource[member]);
    const name = reference && namedBy(subject, reference);
    if (name?.startsWith('Patient/') === true) return name;
  }
  return undefined;
}

function isRecord(resource: JsonObject): boolean {
  if (resource['resourceType'] !== 'Task') return false;
  const codings = listOf(objectOf(resource['code'])?.['coding']);
  return codings.some(({ system, code }) => system === 'urn:makhbar:task' && code !== reviewCode);
}
