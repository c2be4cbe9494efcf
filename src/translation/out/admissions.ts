/**
 * Patient, Encounter → ADT. HL7 v2.5.1 §3.3.
 *
 *   A04, A28 | a patient who is new           A08, A31 | what has changed of one: a rule of an interface for one is
 *            |                                         | followed for the other only where it has that too
 *   A01, A04 | a visit that meets the rule    A08      | a change of one that met it before
 *   A03      | it has ended                   A11      | it was none: cancelled, deleted, entered in error
 *   A23, A29 | there is no such patient
 */
import { eventSegment, header } from './header.ts';
import { patientSegment } from './patient.ts';
import { member, type Source, type Writing } from './source.ts';
import { visitSegment } from './visit.ts';

const ofNew = new Set(['ADT^A01', 'ADT^A03', 'ADT^A04', 'ADT^A11', 'ADT^A28']);

/** None where the event did not happen. */
export function admission(type: string, source: Source, writing: Writing): string[] | undefined {
  const { root, created, visit, withdrawn, find } = source;
  if (withdrawn !== true && ofNew.has(type) !== created) return undefined;
  const isVisit = root['resourceType'] === 'Encounter';
  return [
    header(type, writing),
    eventSegment(type, writing),
    patientSegment(isVisit ? find(member(root, 'subject')) : root, writing),
    visitSegment(isVisit ? root : visit, source, writing),
  ];
}
