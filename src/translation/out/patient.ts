/** Patient → PID; the way back of ../patient.ts. */
import { outcomeError } from '../../fhir/outcome.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { genders, identifierTypes } from '../codes.ts';
import { address, concept, contactPoint, humanName, identifier, reversed } from './datatypes.ts';
import { list, member, string, type Writing } from './source.ts';
import { dateText, timeText } from './times.ts';
import { repetitions, segment, text } from './writer.ts';

const sexes = reversed(genders);

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
