/**
 * Patient → ADT. HL7 v2.5.1 §3.3.4, §3.3.8, §3.3.28, §3.3.31. A04 and A28 tell a patient who is new, A08 and A31 what has
 * changed: a rule of an interface for one is followed for the other only where it has that too. A23 and A29 (§3.3.23,
 * §3.3.29) tell that there is no such patient.
 */
import { eventSegment, header } from './header.ts';
import { patientSegment, visitSegment } from './patient.ts';
import type { Source, Writing } from './source.ts';

const ofNew = new Set(['ADT^A04', 'ADT^A28']);

export function withdrawnPatient(type: string, source: Source, writing: Writing): string[] {
  return [
    header(type, writing),
    eventSegment(type, writing),
    patientSegment(source.root, writing),
    visitSegment(undefined, source, writing),
  ];
}

/** None where the event did not happen. */
export function admission(type: string, source: Source, writing: Writing): string[] | undefined {
  if (ofNew.has(type) !== source.created) return undefined;
  return [
    header(type, writing),
    eventSegment(type, writing),
    patientSegment(source.root, writing),
    visitSegment(undefined, source, writing),
  ];
}
