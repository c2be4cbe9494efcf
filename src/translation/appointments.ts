/**
 * SIU: appointments, as of the sampling of a patient. HL7 v2.5.1 §10.3; v2-to-FHIR segment maps SCH, AIS, AIP, AIL.
 *
 * What SCH-25 says of the appointment counts before what the event says. Start and end are those of SCH-11 or TQ1, else of
 * the first AIS; an end that is not told is the start and the duration.
 */
import type { JsonObject } from '../fhir/json.ts';
import { readHeader } from '../hl7v2/header.ts';
import { readSegments, type FieldReader, type Message } from '../hl7v2/message.ts';
import { allOf, byIdentifier, concept, entityIdentifier, object, practitioner, present } from './datatypes.ts';
import { patient } from './patient.ts';
import { instant } from './times.ts';
import type { Target } from './translation.ts';
import { locationName } from './visit.ts';

/** Events of §10.3; what is not here books or changes. */
const events: Readonly<Record<string, string>> = {
  S15: 'cancelled',
  S16: 'cancelled',
  S17: 'entered-in-error',
  S26: 'noshow',
};

/** Table 0278. */
const statuses: Readonly<Record<string, string>> = {
  PENDING: 'pending',
  WAITLIST: 'waitlist',
  BOOKED: 'booked',
  OVERBOOK: 'booked',
  STARTED: 'checked-in',
  COMPLETE: 'fulfilled',
  CANCELLED: 'cancelled',
  DC: 'cancelled',
  DISCONTINUED: 'cancelled',
  DELETED: 'entered-in-error',
  NOSHOW: 'noshow',
};

const withoutTime: ReadonlySet<string> = new Set(['proposed', 'cancelled', 'waitlist']);

export function appointments(message: Message, target: Target): void {
  const { facility, application, event } = readHeader(message);
  const authority = facility || application;
  const segments = readSegments(message);
  const sch = segments.find(({ name }) => name === 'SCH');
  const place = { segment: 'SCH', sequence: 1 };
  if (sch === undefined) {
    target.problem({ code: '100', sentence: 'A message of an appointment must have an SCH.', place });
    return;
  }
  const numbers = present([1, 2].map((field) => entityIdentifier(target.settings, sch.first(field), { authority })));
  if (numbers.length === 0) {
    const sentence = 'SCH-1 or SCH-2 must have the number of the appointment.';
    target.problem({ code: '101', sentence, place: { ...place, field: 1 } });
    return;
  }
  const subjects = present(segments.filter(({ name }) => name === 'PID').map((pid) => patient(target, pid, authority)));
  const status = statuses[sch.text(25).toUpperCase()] ?? events[event] ?? 'booked';
  const time = period(target, sch, segments);
  if (time === undefined && !withoutTime.has(status)) {
    const sentence = 'SCH-11, TQ1-7 or AIS-4 must say when the appointment is, to the minute.';
    target.problem({ code: '101', sentence, place: { ...place, field: 11 } });
    return;
  }
  const participant = [
    ...subjects.map((actor) => ({ actor, status: 'accepted' })),
    ...staff(target, segments, authority),
    ...places(segments),
  ];
  if (participant.length === 0) {
    const sentence = 'A message of an appointment must have a PID, an AIP or an AIL.';
    target.problem({ code: '100', sentence, place: { segment: 'PID', sequence: 1 } });
    return;
  }
  const resource = object({
    resourceType: 'Appointment',
    identifier: numbers,
    status,
    serviceType: ofEach(target, segments, { segment: 'AIS', field: 3 }),
    appointmentType: concept(target, sch.first(8), { ...place, field: 8 }),
    reasonCode: present([concept(target, sch.first(7), { ...place, field: 7 })]),
    cancelationReason:
      status === 'cancelled' || status === 'noshow' ? concept(target, sch.first(6), { ...place, field: 6 }) : undefined,
    ...time,
    comment: notesOf(segments),
    participant,
  });
  target.add(resource, numbers.flatMap(byIdentifier));
}

function period(target: Target, sch: FieldReader, segments: readonly FieldReader[]): JsonObject | undefined {
  const { zone } = target.settings;
  const [tq1, ais] = ['TQ1', 'AIS'].map((wanted) => segments.find(({ name }) => name === wanted));
  const first = (...texts: (string | undefined)[]): string | undefined =>
    present(texts.map((text) => (text === undefined ? undefined : instant(text, zone))))[0];
  const start = first(sch.text(11, 4), tq1?.text(7), ais?.text(4));
  if (start === undefined) return undefined;
  const minutes = minutesOf(sch.text(9), sch.text(10)) ?? minutesOf(ais?.text(7) ?? '', ais?.text(8) ?? '');
  const end = first(sch.text(11, 5), tq1?.text(8)) ?? later(start, minutes ?? 0);
  return object({ start, end, minutesDuration: minutes });
}

/** A duration in minutes, HL7's or UCUM's names; undefined for none above 0. */
function minutesOf(amount: string, unit: string): number | undefined {
  const factor = /^(min|m|minutes?)?$/i.test(unit) ? 1 : /^(h|hr|hours?)$/i.test(unit) ? 60 : undefined;
  const minutes = Math.round(Number(amount) * (factor ?? Number.NaN));
  return Number.isSafeInteger(minutes) && minutes > 0 && minutes <= 44_640 ? minutes : undefined;
}

/** The same offset as the start: `2026-03-01T10:00:00+03:00` and 30 minutes. */
function later(start: string, minutes: number): string {
  const [, local = '', offset = 'Z'] = /^(.{19})(?:\.\d+)?(Z|[+-]\d{2}:\d{2})$/.exec(start) ?? [];
  const end = new Date(Date.parse(`${local}Z`) + minutes * 60_000);
  return `${end.toISOString().slice(0, 19)}${offset}`;
}

function staff(target: Target, segments: readonly FieldReader[], authority: string): JsonObject[] {
  return segments
    .filter(({ name }) => name === 'AIP')
    .flatMap((aip, i) =>
      allOf(aip, 3, (xcn) => practitioner(target, xcn, authority)).map((actor) =>
        object({
          type: present([concept(target, aip.first(4), { segment: 'AIP', sequence: i + 1, field: 4 })]),
          actor,
          status: 'accepted',
        }),
      ),
    );
}

function places(segments: readonly FieldReader[]): JsonObject[] {
  return segments
    .filter(({ name }) => name === 'AIL')
    .flatMap((ail) => allOf(ail, 3, locationName))
    .map((display) => ({ actor: { display }, status: 'accepted' }));
}

function ofEach(
  target: Target,
  segments: readonly FieldReader[],
  { segment, field }: { segment: string; field: number },
): JsonObject[] {
  const found = segments.filter(({ name }) => name === segment);
  return present(found.map((one, i) => concept(target, one.first(field), { segment, sequence: i + 1, field })));
}

function notesOf(segments: readonly FieldReader[]): string {
  return segments
    .filter(({ name }) => name === 'NTE')
    .flatMap((nte) => nte.repetitions(3).map((one) => one.text()))
    .filter((text) => text !== '')
    .join('\n');
}
