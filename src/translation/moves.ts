/**
 * ADT that says whose something is. HL7 v2.5.1 §3.3.24, §3.3.37, §3.3.44, §3.3.45.
 *
 *   A24 | the patients of two PID are linked (Patient.link seealso, both ways); each stays what it is
 *   A37 | what A24 linked is so no more; links of merges (A40) stay
 *   A44 | the visits of an account (MRG-3) were those of the patient of PID, not of MRG-1
 *   A45 | the visit of MRG-5, else of PV1-19, was of the patient of PID; one that is not known yet is made
 *
 * With a visit goes all that belongs to it: the gateway finds that (src/gateways/moves.ts). An account is what PID-18 said
 * of a visit (Encounter.account).
 */
import type { JsonObject } from '../fhir/json.ts';
import { readHeader } from '../hl7v2/header.ts';
import { readSegments, type FieldReader, type Message } from '../hl7v2/message.ts';
import { allOf, byIdentifier, identifier, object } from './datatypes.ts';
import { patient } from './patient.ts';
import type { Target } from './translation.ts';
import { visit } from './visit.ts';

export function links(message: Message, target: Target): void {
  const { facility, application, event } = readHeader(message);
  const authority = facility || application;
  const isLinked = event === 'A24';
  const persons = readSegments(message).filter(({ name }) => name === 'PID');
  const place = { segment: 'PID', sequence: 2 };
  if (persons.length !== 2) {
    target.problem({ code: '100', sentence: `ADT^${event} must have two PID.`, place });
    return;
  }
  const [one, other] = persons.map((pid) => patient(target, pid, authority, isLinked ? undefined : unlinking));
  if (one === undefined || other === undefined) return;
  if (one['reference'] === other['reference']) {
    target.problem({ code: '205', sentence: `ADT^${event} must name two patients, not one twice.`, place });
    return;
  }
  link(target, one, other);
  link(target, other, one);
}

const unlinking = { change: true, unlink: true } as const;

function link(target: Target, one: JsonObject, other: JsonObject): void {
  const resource = target.resource(one);
  if (resource !== undefined) resource['link'] = [{ other, type: 'seealso' }];
}

export function moves(message: Message, target: Target): void {
  const { facility, application, event } = readHeader(message);
  const authority = facility || application;
  const segments = readSegments(message);
  const merging = segments.filter(({ name }) => name === 'MRG');
  if (merging.length === 0) {
    target.problem({ code: '100', sentence: `ADT^${event} must have an MRG.`, place: { segment: 'MRG', sequence: 1 } });
  }
  merging.forEach((mrg, i) => {
    const pid = segments.findLast(({ name, index }) => name === 'PID' && index < mrg.index);
    const subject = pid && patient(target, pid, authority);
    if (pid === undefined || subject === undefined) return;
    const next = merging[i + 1]?.index ?? Infinity;
    const pv1 = segments.find(({ name, index }) => name === 'PV1' && index > mrg.index && index < next);
    const moving = { mrg, pid, pv1, subject, authority, sequence: i + 1 };
    if (event === 'A44') moveAccount(target, moving);
    else moveVisit(target, moving);
  });
}

interface Moving {
  readonly mrg: FieldReader;
  readonly pid: FieldReader;
  readonly pv1: FieldReader | undefined;
  readonly subject: JsonObject;
  readonly authority: string;
  /** Which MRG of the message, from 1. */
  readonly sequence: number;
}

function moveAccount(target: Target, { mrg, pid, subject, authority, sequence }: Moving): void {
  const { settings } = target;
  const place = { segment: 'MRG', sequence, field: 3 };
  const from = allOf(mrg, 1, (cx) => identifier(settings, cx, authority)).flatMap(byIdentifier);
  const [account] = byIdentifier(identifier(settings, mrg.first(3), authority));
  if (account === undefined || from.length === 0) {
    const field = account === undefined ? 3 : 1;
    const what = field === 3 ? 'the account that is moved' : 'the patient whose it was';
    target.problem({ code: '101', sentence: `MRG-${field} must have ${what}.`, place: { ...place, field } });
    return;
  }
  const now = identifier(settings, pid.first(18), authority) ?? identifier(settings, mrg.first(3), authority);
  const resource = object({
    resourceType: 'Encounter',
    subject,
    account: now && [{ type: 'Account', identifier: now }],
  });
  target.add(resource, [], { change: true, move: { from, account, place } });
}

function moveVisit(target: Target, { mrg, pid, pv1, subject, authority, sequence }: Moving): void {
  const { settings } = target;
  const place = { segment: 'MRG', sequence, field: 5 };
  const former = identifier(settings, mrg.first(5), authority);
  const move = { from: allOf(mrg, 1, (cx) => identifier(settings, cx, authority)).flatMap(byIdentifier), place };
  const moved = pv1 && visit(target, pv1, { subject, event: 'A45', authority, pid, former, move });
  if (moved !== undefined) return;
  if (former === undefined) {
    target.problem({ code: '101', sentence: 'MRG-5 or PV1-19 must have the number of the visit.', place });
    return;
  }
  const resource = object({ resourceType: 'Encounter', identifier: [former], subject });
  target.add(resource, byIdentifier(former), { change: true, move });
}
