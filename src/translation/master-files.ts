/**
 * MFN: master files. HL7 v2.5.1 §8. The guide maps none of it; decided here:
 *
 *   M02  staff   MFE, STF, PRA → Practitioner (STF-1 and STF-2, PRA-6), its specialties a PractitionerRole
 *   M08  tests   MFE, OM1, OM2 → ObservationDefinition: code, type of the value, unit, decimals, intervals
 *
 *   MFE-1 (table 0180)  MAD, MUP and MAC make or change a record that is in use; MDC and MDL end it: nothing is deleted,
 *                       for results refer to it. An ObservationDefinition has no status: MDC and MDL leave it as it is and
 *                       say so.
 */
import { setMember, type JsonObject } from '../fhir/json.ts';
import { readHeader } from '../hl7v2/header.ts';
import { readSegments, type FieldReader, type Message, type Repetition } from '../hl7v2/message.ts';
import { genders } from './codes.ts';
import {
  address,
  allOf,
  byIdentifier,
  concept,
  contactPoint,
  humanName,
  identifier,
  object,
  present,
  systemOf,
} from './datatypes.ts';
import { dateOnly } from './times.ts';
import type { Target } from './translation.ts';
import { decimalText, quantityUnit } from './value.ts';

interface Entry {
  readonly mfe: FieldReader;
  readonly sequence: number;
  readonly segments: readonly FieldReader[];
}

function entriesOf(message: Message, target: Target): Entry[] {
  const segments = readSegments(message);
  const starts = segments.filter(({ name }) => name === 'MFE');
  if (starts.length === 0) {
    const sentence = 'A message of a master file must have an MFE.';
    target.problem({ code: '100', sentence, place: { segment: 'MFE', sequence: 1 } });
  }
  return starts.map((mfe, i) => {
    const next = starts[i + 1]?.index ?? Infinity;
    return { mfe, sequence: i + 1, segments: segments.filter(({ index }) => index > mfe.index && index < next) };
  });
}

/** Codes of table 0180 that end a record. */
const ending: ReadonlySet<string> = new Set(['MDC', 'MDL']);

/** M02. */
export function staff(message: Message, target: Target): void {
  const { facility, application } = readHeader(message);
  const authority = facility || application;
  for (const { mfe, sequence, segments } of entriesOf(message, target)) {
    const stf = segments.find(({ name }) => name === 'STF');
    if (stf === undefined) {
      const sentence = 'An entry of the staff file must have an STF.';
      target.problem({ code: '100', sentence, place: { segment: 'MFE', sequence } });
      continue;
    }
    const pra = segments.find(({ name }) => name === 'PRA');
    practitionerOf(target, { stf, pra, sequence, authority, ended: ending.has(mfe.text(1)) });
  }
}

interface StaffEntry {
  readonly stf: FieldReader;
  readonly pra: FieldReader | undefined;
  readonly sequence: number;
  readonly authority: string;
  readonly ended: boolean;
}

function practitionerOf(target: Target, { stf, pra, sequence, authority, ended }: StaffEntry): void {
  const { settings } = target;
  const key = stf.text(1);
  const system = systemOf(settings, authority);
  const numbers = [
    ...(key === '' || system === undefined ? [] : [{ system, value: key }]),
    ...allOf(stf, 2, (cx) => identifier(settings, cx, authority)),
    ...(pra === undefined ? [] : allOf(pra, 6, (pln) => license(target, pln))),
  ];
  if (numbers.length === 0) {
    const place = { segment: 'STF', sequence, field: 1 };
    target.problem({ code: '101', sentence: 'STF-1 or STF-2 must have a number of the person.', place });
    return;
  }
  const practitioner = target.add(
    object({
      resourceType: 'Practitioner',
      identifier: numbers,
      active: !ended && stf.text(7) !== 'I',
      name: allOf(stf, 3, (xpn) => humanName(xpn, settings.zone)),
      telecom: allOf(stf, 10, (xtn) => contactPoint(xtn, 'work')),
      address: allOf(stf, 11, address),
      gender: genders[stf.text(5)] ?? (stf.text(5) === '' ? undefined : 'unknown'),
      birthDate: dateOnly(stf.text(6)),
    }),
    numbers.flatMap(byIdentifier),
  );
  // SPD.1 is a text.
  const specialty =
    pra === undefined ? [] : allOf(pra, 5, (spd) => (spd.text(1) === '' ? undefined : { text: spd.text(1) }));
  if (specialty.length === 0) return;
  const number = numbers.find((one) => byIdentifier(one).length > 0);
  const role = object({
    resourceType: 'PractitionerRole',
    identifier: number === undefined ? undefined : [number],
    active: !ended && stf.text(7) !== 'I',
    practitioner,
    specialty,
  });
  target.add(role, byIdentifier(number));
}

/** PLN: a number of a practitioner, its type and who gave it. §15.4.5.6 */
function license(target: Target, pln: Repetition): JsonObject | undefined {
  const [value, type, state] = [pln.text(1), pln.text(2), pln.text(3)];
  const system = systemOf(target.settings, [type, state].filter((part) => part !== '').join(' '));
  return value === '' || system === undefined ? undefined : { system, value };
}

/** M08. */
export function tests(message: Message, target: Target): void {
  const { facility, application } = readHeader(message);
  const authority = facility || application;
  for (const { mfe, sequence, segments } of entriesOf(message, target)) {
    const om1 = segments.find(({ name }) => name === 'OM1');
    if (om1 === undefined) {
      const sentence = 'An entry of the test file must have an OM1.';
      target.problem({ code: '100', sentence, place: { segment: 'MFE', sequence } });
    } else if (ending.has(mfe.text(1))) {
      const sentence = 'A definition that results refer to is not ended by a message.';
      target.problem({ code: '207', severity: 'W', sentence, place: { segment: 'MFE', sequence, field: 1 } });
    } else {
      const om2 = segments.find(({ name }) => name === 'OM2');
      definition(target, { om1, om2, sequence, authority });
    }
  }
}

/** Table 0125 → ObservationDefinition.permittedDataType. */
const dataTypes: Readonly<Record<string, string>> = {
  NM: 'Quantity',
  SN: 'Quantity',
  CE: 'CodeableConcept',
  CWE: 'CodeableConcept',
  CNE: 'CodeableConcept',
  ST: 'string',
  TX: 'string',
  FT: 'string',
  DT: 'dateTime',
  DTM: 'dateTime',
  TS: 'dateTime',
  TM: 'time',
};

interface TestEntry {
  readonly om1: FieldReader;
  readonly om2: FieldReader | undefined;
  readonly sequence: number;
  readonly authority: string;
}

function definition(target: Target, { om1, om2, sequence, authority }: TestEntry): void {
  const code = concept(target, om1.first(2), { segment: 'OM1', sequence, field: 2 });
  const system = systemOf(target.settings, authority);
  if (code === undefined || system === undefined) {
    const place = { segment: 'OM1', sequence, field: 2 };
    target.problem({ code: '101', sentence: 'OM1-2 must name the test.', place });
    return;
  }
  const number = { system, value: om1.text(2) };
  const resource = object({
    resourceType: 'ObservationDefinition',
    identifier: [number],
    code,
    permittedDataType: allOf(om1, 3, (one) => dataTypes[one.text(1)]),
    preferredReportName: om1.text(8) || om1.text(10) || om1.text(9),
    quantitativeDetails: om2 && quantitative(om2),
    qualifiedInterval: om2 === undefined ? [] : intervals(om2),
  });
  target.add(resource, [number]);
}

function quantitative(om2: FieldReader): JsonObject | undefined {
  const { unit, system, code } = quantityUnit(om2.first(2)) as { unit?: string; system?: string; code?: string };
  const decimals = Number(om2.text(3));
  const details = object({
    unit:
      unit === undefined
        ? undefined
        : object({ coding: code && [object({ system, code, display: unit })], text: unit }),
    decimalPrecision: om2.text(3) !== '' && Number.isInteger(decimals) && decimals >= 0 ? decimals : undefined,
  });
  return Object.keys(details).length === 0 ? undefined : details;
}

/** RFR: interval, sex, age. §8.8.9.6: OM2-6 reference, OM2-7 critical, OM2-8 absolute. */
function intervals(om2: FieldReader): JsonObject[] {
  const unit = quantityUnit(om2.first(2));
  const categories: readonly [number, string][] = [
    [6, 'reference'],
    [7, 'critical'],
    [8, 'absolute'],
  ];
  return categories.flatMap(([field, category]) =>
    present(
      om2.repetitions(field).map((rfr) => {
        const range = rangeOf(rfr.text(1, 1), rfr.text(1, 2), unit);
        if (range === undefined) return undefined;
        const age = rangeOf(rfr.text(3, 1), rfr.text(3, 2), years);
        const gender = rfr.text(2) === '' ? undefined : genders[rfr.text(2)];
        return object({ category, range, gender, age, condition: rfr.text(7) });
      }),
    ),
  );
}

const years: JsonObject = { unit: 'a', system: 'http://unitsofmeasure.org', code: 'a' };

function rangeOf(low: string, high: string, unit: JsonObject): JsonObject | undefined {
  const quantity = (text: string): JsonObject | undefined => {
    const digits = decimalText(text);
    if (digits === undefined) return undefined;
    const found = { ...unit };
    setMember(found, 'value', Number(digits), digits);
    return found;
  };
  const range = object({ low: quantity(low), high: quantity(high) });
  return Object.keys(range).length === 0 ? undefined : range;
}
