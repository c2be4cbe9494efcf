/** Patient → PID, Encounter → PV1; the way back of ../patient.ts and ../visit.ts. */
import { outcomeError } from '../../fhir/outcome.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { encounterClasses, genders, identifierTypes } from '../codes.ts';
import { address, concept, contactPoint, humanName, identifier, person, reversed } from './datatypes.ts';
import { list, member, string, type Source, type Writing } from './source.ts';
import { dateText, timeText } from './times.ts';
import { components, repetitions, segment, text } from './writer.ts';

const sexes = reversed(genders);
const classes = reversed(encounterClasses);

/** @throws OutcomeError where it has no identifier: PID-3 is required, and the peer could not know who it is */
export function patientSegment(patient: JsonObject | undefined, writing: Writing): string {
  const identifiers = list(patient?.['identifier']);
  const insured = identifiers.find((one) => one['system'] === undefined && isInsurance(one));
  const named = identifiers.filter((one) => one !== insured).map((one) => identifier(one, writing));
  if (patient === undefined || repetitions(named) === '') {
    throw outcomeError('business-rule', 'A message about a patient needs a Patient with an identifier (PID-3).');
  }
  const telecom = list(patient['telecom']);
  const phones = (work: boolean): string =>
    repetitions(telecom.filter(({ use }) => (use === 'work') === work).map((one) => contactPoint(one)));
  return segment('PID', {
    1: '1',
    3: repetitions(named),
    5: repetitions(list(patient['name']).map((name) => humanName(name, writing))),
    7: dateText(patient['birthDate']),
    8: sexes.get(string(patient['gender'])) ?? '',
    11: repetitions(list(patient['address']).map((one) => address(one))),
    13: phones(false),
    14: phones(true),
    16: concept(patient['maritalStatus'], writing),
    19: text(string(insured?.['value'])),
    ...births(patient),
    ...death(patient, writing.zone),
  });
}

function isInsurance(one: JsonObject): boolean {
  return list(member(one, 'type', 'coding')).some(({ system, code }) => system === identifierTypes && code === 'SB');
}

function births({ multipleBirthBoolean: several, multipleBirthInteger: order }: JsonObject): Record<number, string> {
  if (typeof order === 'number') return { 24: 'Y', 25: String(order) };
  return typeof several === 'boolean' ? { 24: several ? 'Y' : 'N' } : {};
}

function death({ deceasedBoolean: dead, deceasedDateTime: when }: JsonObject, zone: string): Record<number, string> {
  if (when !== undefined) return { 29: timeText(when, zone), 30: 'Y' };
  return typeof dead === 'boolean' ? { 30: dead ? 'Y' : 'N' } : {};
}

const roles: readonly (readonly [number, string])[] = [
  [7, 'ATND'],
  [8, 'REF'],
  [9, 'CON'],
  [17, 'ADM'],
];

/** PV1; class U (not applicable) where there is no visit: PV1-2 is required. */
export function visitSegment(encounter: JsonObject | undefined, source: Source, writing: Writing): string {
  if (encounter === undefined) return segment('PV1', { 1: '1', 2: 'U' });
  const participants = list(encounter['participant']);
  const people = roles.map(([field, code]): [number, string] => [
    field,
    repetitions(
      participants
        .filter(({ type }) => list(type).some((one) => list(one['coding']).some((coding) => coding['code'] === code)))
        .map((one) => person(member(one, 'individual'), source, writing)),
    ),
  ]);
  const [number] = list(encounter['identifier']);
  const { code } = (encounter['class'] ?? {}) as { code?: string };
  const place = member(list(encounter['location'])[0], 'location');
  return segment('PV1', {
    1: '1',
    2: classes.get(code ?? '') ?? (text(code) || 'U'),
    3: components(text(string(source.find(place)?.['name']) || string(place?.['display']))),
    ...Object.fromEntries(people),
    19: number === undefined ? '' : identifier(number, writing),
    44: timeText(member(encounter, 'period', 'start'), writing.zone),
    45: timeText(member(encounter, 'period', 'end'), writing.zone),
  });
}
