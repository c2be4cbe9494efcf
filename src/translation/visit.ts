/** PV1 → Encounter. v2-to-FHIR segment map PV1[Encounter]. */
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader, Repetition } from '../hl7v2/message.ts';
import { encounterClasses } from './codes.ts';
import { allOf, byIdentifier, identifier, object, practitioner } from './datatypes.ts';
import { dateTime } from './times.ts';
import type { Move, Target } from './translation.ts';

/** What the event of an ADT message says of the visit. */
const statuses: Readonly<Record<string, string>> = {
  A01: 'in-progress',
  A02: 'in-progress',
  A03: 'finished',
  A04: 'in-progress',
  A05: 'planned',
  A09: 'in-progress',
  A10: 'arrived',
  A11: 'cancelled',
  A12: 'in-progress',
  A13: 'in-progress',
  A14: 'planned',
  A15: 'in-progress',
  A16: 'in-progress',
  A25: 'in-progress',
  A26: 'in-progress',
  A27: 'cancelled',
  A38: 'cancelled',
};

export interface Visit {
  readonly subject: JsonObject;
  readonly event: string;
  readonly authority: string;
  /** PID-18 is the account of the visit. */
  readonly pid: FieldReader;
  /** The number that it had before (MRG-5). */
  readonly former?: JsonObject | undefined;
  /** It was another patient's. */
  readonly move?: Move;
}

/** A reference to the encounter; undefined where PV1-19 has no number: it could not be found again. */
export function visit(target: Target, pv1: FieldReader, of: Visit): JsonObject | undefined {
  const { subject, event, authority, pid, former, move } = of;
  const { zone } = target.settings;
  const number = identifier(target.settings, pv1.first(19), authority) ?? former;
  if (number === undefined) return undefined;
  const period = object({ start: dateTime(pv1.text(44), zone), end: dateTime(pv1.text(45), zone) });
  const stay = object({
    admitSource: coded(pv1, 14, '0023')[0],
    dischargeDisposition: coded(pv1, 36, '0112')[0],
  });
  const ended = period['end'] !== undefined;
  const account = identifier(target.settings, pid.first(18), authority);
  const resource = object({
    resourceType: 'Encounter',
    identifier: [number, ...allOf(pv1, 50, (cx) => identifier(target.settings, cx, authority))],
    status: statuses[event] ?? (ended ? 'finished' : 'in-progress'),
    class: visitClass(pv1.text(2)),
    type: [...coded(pv1, 4, '0007'), ...coded(pv1, 18, '0018')],
    serviceType: coded(pv1, 10, '0069')[0],
    subject,
    participant: [
      ...participants(target, pv1, { field: 7, code: 'ATND', authority }),
      ...participants(target, pv1, { field: 8, code: 'REF', authority }),
      ...participants(target, pv1, { field: 9, code: 'CON', authority }),
      ...participants(target, pv1, { field: 17, code: 'ADM', authority }),
    ],
    period: Object.keys(period).length === 0 ? undefined : period,
    hospitalization: Object.keys(stay).length === 0 ? undefined : stay,
    account: account && [{ type: 'Account', identifier: account }],
    location: [...placesOf(pv1, 3, 'active'), ...placesOf(pv1, 6, 'completed')],
  });
  // What says nothing of them does not open a visit again that has ended, nor change what it is.
  const initial = [
    ...(statuses[event] === undefined && !ended ? ['status'] : []),
    ...(pv1.text(2) === '' ? ['class'] : []),
  ];
  const found = [number, former].flatMap(byIdentifier);
  return target.add(resource, found, { ...(initial.length > 0 && { initial }), ...(move && { move }) });
}

function visitClass(code: string): JsonObject {
  const known = encounterClasses[code];
  if (known !== undefined) return { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: known };
  // Encounter.class is required; C, N, U and what is local are kept as they came.
  return { system: 'http://terminology.hl7.org/CodeSystem/v2-0004', code: code || 'U' };
}

/** Codes that each hospital makes itself, under the table of v2 that they are of. */
function coded(pv1: FieldReader, field: number, table: string): JsonObject[] {
  const [code, display] = [pv1.text(field, 1).trim(), pv1.text(field, 2)];
  if (code === '') return [];
  return [{ coding: [object({ system: `http://terminology.hl7.org/CodeSystem/v2-${table}`, code, display })] }];
}

function participants(
  target: Target,
  pv1: FieldReader,
  { field, code, authority }: { field: number; code: string; authority: string },
): JsonObject[] {
  return allOf(pv1, field, (xcn) => practitioner(target, xcn, authority)).map((individual) => ({
    type: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code }] }],
    individual,
  }));
}

/** PV1-3 is where the patient is, PV1-6 where he was before. */
function placesOf(pv1: FieldReader, field: number, status: string): JsonObject[] {
  const display = locationName(pv1.first(field));
  return display === undefined ? [] : [{ location: { display }, status }];
}

/** PL as text: facility, building, floor, point of care, room, bed. */
export function locationName(pl: Repetition): string | undefined {
  const parts = [pl.text(4), pl.text(7), pl.text(8), pl.text(1), pl.text(2), pl.text(3)].filter((part) => part !== '');
  return parts.length === 0 ? undefined : parts.join(', ');
}
