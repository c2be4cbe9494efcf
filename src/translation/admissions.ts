/** ADT: registration, admission, change, discharge. HL7 v2.5.1 §3.3. Links and moves: moves.ts. */
import { readHeader } from '../hl7v2/header.ts';
import { readSegments, type Message } from '../hl7v2/message.ts';
import { byIdentifier, identifier, object } from './datatypes.ts';
import { patient } from './patient.ts';
import { relative } from './relative.ts';
import type { Target } from './translation.ts';
import { visit } from './visit.ts';

export function admissions(message: Message, target: Target): void {
  const { facility, application, event } = readHeader(message);
  const authority = facility || application;
  const segments = readSegments(message);
  const persons = segments.filter(({ name }) => name === 'PID');
  if (persons.length === 0) {
    target.problem({
      code: '100',
      sentence: 'An ADT message must have a PID.',
      place: { segment: 'PID', sequence: 1 },
    });
  }
  persons.forEach((pid, i) => {
    const subject = patient(target, pid, authority);
    if (subject === undefined) return;
    const next = persons[i + 1]?.index ?? Infinity;
    const own = segments.filter(({ index }) => index > pid.index && index < next);
    for (const nk1 of own.filter(({ name }) => name === 'NK1')) relative(target, nk1, { patient: subject, authority });
    const pv1 = own.find(({ name }) => name === 'PV1');
    if (pv1 !== undefined) visit(target, pv1, { subject, event, authority, pid });
  });
}

/**
 * A23, A29: who sent it has deleted the patient. What a laboratory did stays: he is marked as inactive; one who is not known is
 * not made.
 */
export function deletions(message: Message, target: Target): void {
  const { facility, application } = readHeader(message);
  const pid = readSegments(message).find(({ name }) => name === 'PID');
  const place = { segment: 'PID', sequence: 1 };
  if (pid === undefined) {
    target.problem({ code: '100', sentence: 'An ADT message must have a PID.', place });
    return;
  }
  const deleted = patient(target, pid, facility || application, { change: true });
  const resource = deleted && target.resource(deleted);
  if (resource !== undefined) resource['active'] = false;
}

/**
 * A40 and its like (A18, A34, A47): the identifiers of MRG now belong to the patient of PID. The old patient stays, marked
 * as replaced; the two are linked both ways (Patient.link), so that the chain can be followed and undone.
 */
export function merges(message: Message, target: Target): void {
  const { facility, application } = readHeader(message);
  const authority = facility || application;
  const segments = readSegments(message);
  const merging = segments.filter(({ name }) => name === 'MRG');
  if (merging.length === 0) {
    target.problem({ code: '100', sentence: 'A merge must have an MRG.', place: { segment: 'MRG', sequence: 1 } });
  }
  merging.forEach((mrg, i) => {
    const pid = segments.findLast(({ name, index }) => name === 'PID' && index < mrg.index);
    const surviving = pid && patient(target, pid, authority);
    const old = identifier(target.settings, mrg.first(1), authority);
    if (surviving === undefined || old === undefined) {
      target.problem({
        code: '101',
        sentence: 'MRG-1 must have the identifier that ends.',
        place: { segment: 'MRG', sequence: i + 1, field: 1 },
      });
      return;
    }
    const kept = target.resource(surviving);
    const criteria = byIdentifier(old);
    if (kept !== undefined && JSON.stringify(kept['identifier']).includes(JSON.stringify(old['value']))) return;
    const replaced = target.add(
      object({
        resourceType: 'Patient',
        active: false,
        identifier: [old],
        link: [{ other: surviving, type: 'replaced-by' }],
      }),
      criteria,
    );
    if (kept !== undefined)
      kept['link'] = [...((kept['link'] as never[] | undefined) ?? []), { other: replaced, type: 'replaces' }];
  });
}
