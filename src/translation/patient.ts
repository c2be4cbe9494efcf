/** PID → Patient. v2-to-FHIR segment map PID[Patient]. */
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader } from '../hl7v2/message.ts';
import { genders, identifierTypes } from './codes.ts';
import { address, allOf, byIdentifier, concept, contactPoint, humanName, identifier, object } from './datatypes.ts';
import { dateOnly, dateTime } from './times.ts';
import type { Only, Target } from './translation.ts';

/** A reference to the patient; undefined where PID names none. */
export function patient(target: Target, pid: FieldReader, authority: string, only?: Only): JsonObject | undefined {
  const { settings } = target;
  // PID-2 and PID-4 are of old versions, PID-18 is an account.
  const identifiers = [3, 2, 4].flatMap((field) => allOf(pid, field, (cx) => identifier(settings, cx, authority)));
  if (identifiers.length === 0) {
    target.problem({
      code: '101',
      sentence: 'PID-3 must have an identifier of the patient.',
      place: { segment: 'PID', sequence: 1, field: 3 },
    });
    return undefined;
  }
  const resource = object({
    resourceType: 'Patient',
    // PID-19 names no authority, so nobody is found by it.
    identifier: [...unique(identifiers), ...insurance(pid)],
    name: [...allOf(pid, 5, (xpn) => humanName(xpn, settings.zone)), ...maiden(pid)],
    telecom: [
      ...allOf(pid, 13, (xtn) => contactPoint(xtn, 'home')),
      ...allOf(pid, 14, (xtn) => contactPoint(xtn, 'work')),
      ...allOf(pid, 40, (xtn) => contactPoint(xtn)),
    ],
    gender: genders[pid.text(8)] ?? (pid.text(8) === '' ? undefined : 'unknown'),
    birthDate: dateOnly(pid.text(7)),
    address: allOf(pid, 11, address),
    maritalStatus: concept(target, pid.first(16), { segment: 'PID', sequence: 1, field: 16 }),
    communication: language(pid),
    ...death(pid, settings.zone),
    ...twins(pid),
  });
  // HL7's null: what is there goes.
  const nulls = { name: 5, birthDate: 7, gender: 8, address: 11, maritalStatus: 16, multipleBirthInteger: 25 };
  for (const [element, field] of Object.entries(nulls)) if (pid.isNull(field)) resource[element] = null;
  if (pid.isNull(13) && pid.isNull(14)) resource['telecom'] = null;
  if (dateOnly(pid.text(7)) === undefined && pid.text(7) !== '') {
    target.problem({
      code: '102',
      severity: 'W',
      sentence: 'PID-7 is no date and was left out.',
      place: { segment: 'PID', sequence: 1, field: 7 },
    });
  }
  return target.add(resource, identifiers.flatMap(byIdentifier), only);
}

/** Each system and value once; MR before others, as it is the one that people know. */
export function unique(identifiers: readonly JsonObject[]): JsonObject[] {
  const seen = new Map(
    identifiers.toReversed().map((one) => [`${String(one['system'])}|${String(one['value'])}`, one]),
  );
  return [...seen.values()].toReversed();
}

function insurance(pid: FieldReader): JsonObject[] {
  const value = pid.text(19);
  return value === '' ? [] : [{ type: { coding: [{ system: identifierTypes, code: 'SB' }] }, value }];
}

const languageNames = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });

/** Table 0296 is the sender's own; FHIR wants BCP 47: what is ISO 639 is taken as such, all else is a text. */
function language(pid: FieldReader): JsonObject[] {
  const [code, display] = [pid.text(15, 1).trim(), pid.text(15, 2)];
  if (code === '' && display === '') return [];
  const known = /^[A-Za-z]{2,3}$/.test(code) && languageNames.of(code.toLowerCase()) !== undefined;
  const tag = known ? Intl.getCanonicalLocales(code)[0] : undefined;
  return [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code: tag ?? 'und' }], text: display || code } }];
}

function maiden(pid: FieldReader): JsonObject[] {
  // PID-9 is an alias; PID-6 is the mother's name, which is none of the patient's.
  return allOf(pid, 9, (xpn) => {
    const name = humanName(xpn, 'UTC');
    return name && { ...name, use: name['use'] ?? 'old' };
  });
}

function death(pid: FieldReader, zone: string): JsonObject {
  const when = dateTime(pid.text(29), zone);
  if (when !== undefined) return { deceasedDateTime: when };
  const said = pid.text(30);
  return said === 'Y' ? { deceasedBoolean: true } : said === 'N' ? { deceasedBoolean: false } : {};
}

function twins(pid: FieldReader): JsonObject {
  const order = pid.text(25);
  if (/^\d{1,2}$/.test(order)) return { multipleBirthInteger: Number(order) };
  return pid.text(24) === 'Y' ? { multipleBirthBoolean: true } : {};
}
