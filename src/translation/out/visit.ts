/** Encounter → PV1, the way back of ../visit.ts. HL7 v2.5.1 §3.4.3. */
import type { JsonObject } from '../../fhir/json.ts';
import { encounterClasses } from '../codes.ts';
import { identifier, identifierOfType, person, reversed } from './datatypes.ts';
import { list, member, string, type Source, type Writing } from './source.ts';
import { timeText } from './times.ts';
import { components, repetitions, segment, text } from './writer.ts';

const classes = reversed(encounterClasses);

const roles: readonly (readonly [number, string])[] = [
  [7, 'ATND'],
  [8, 'REF'],
  [9, 'CON'],
  [17, 'ADM'],
];

/** PV1; class U (not applicable) where there is no visit: PV1-2 is required. */
export function visitSegment(
  encounter: JsonObject | undefined,
  source: Pick<Source, 'find'>,
  writing: Writing,
): string {
  if (encounter === undefined) return segment('PV1', { 1: '1', 2: 'U' });
  const number = identifierOfType(encounter['identifier'], 'VN') ?? list(encounter['identifier'])[0];
  const others = list(encounter['identifier']).filter((one) => one !== number);
  const stay = member(encounter, 'hospitalization');
  const types = list(encounter['type']);
  const code = string(member(encounter, 'class')?.['code']);
  return segment('PV1', {
    ...{ 1: '1', 2: classes.get(code) ?? (text(code) || 'U') },
    ...places(encounter, source),
    4: codeOf(types, '0007'),
    ...people(encounter, source, writing),
    10: codeOf(list(encounter['serviceType']), '0069'),
    14: codeOf(list(stay?.['admitSource']), '0023'),
    18: codeOf(types, '0018'),
    19: number === undefined ? '' : identifier(number, writing),
    36: codeOf(list(stay?.['dischargeDisposition']), '0112'),
    44: timeText(member(encounter, 'period', 'start'), writing.zone),
    45: timeText(member(encounter, 'period', 'end'), writing.zone),
    50: repetitions(others.map((one) => identifier(one, writing))),
  });
}

/** IS: the code of a table of v2. */
function codeOf(concepts: readonly JsonObject[], table: string): string {
  const system = `http://terminology.hl7.org/CodeSystem/v2-${table}`;
  const codings = concepts.flatMap((one) => list(one['coding']));
  return text(string(codings.find((one) => one['system'] === system)?.['code']));
}

function people(encounter: JsonObject, source: Pick<Source, 'find'>, writing: Writing): Record<number, string> {
  const participants = list(encounter['participant']);
  const isIn = ({ type }: JsonObject, code: string): boolean =>
    list(type).some((one) => list(one['coding']).some((coding) => coding['code'] === code));
  return Object.fromEntries(
    roles.map(([field, code]) => [
      field,
      repetitions(
        participants.filter((one) => isIn(one, code)).map((one) => person(member(one, 'individual'), source, writing)),
      ),
    ]),
  );
}

/** PV1-3 is where the patient is (of several the active one), PV1-6 where he was before. */
function places(encounter: JsonObject, source: Pick<Source, 'find'>): Record<number, string> {
  const all = list(encounter['location']);
  const now = all.find(({ status }) => status === 'active') ?? all.find(({ status }) => status !== 'completed');
  const before = all.findLast((one) => one !== now && one['status'] === 'completed');
  return {
    3: now === undefined ? '' : place(member(now, 'location'), source),
    6: before === undefined ? '' : place(member(before, 'location'), source),
  };
}

/** Location.physicalType → component of PL. */
const parts: Readonly<Record<string, number>> = { wa: 1, wi: 1, ro: 2, bd: 3, si: 4, bu: 7, lvl: 8 };
/** Bed → room → ward → floor → building → site. */
const deepest = 8;

/** PL: of a Location and those that it is part of; what is no part of a hospital with a name of v2 is the point of care. */
function place(reference: JsonObject | undefined, source: Pick<Source, 'find'>): string {
  const named: string[] = [];
  let location = source.find(reference);
  if (location === undefined) return components(text(string(reference?.['display'])));
  for (let depth = 0; location !== undefined && depth < deepest; depth++) {
    const [kind = 1] = list(member(location, 'physicalType', 'coding')).flatMap(
      (one) => parts[string(one['code'])] ?? [],
    );
    named[kind] ??= nameOf(location);
    location = source.find(member(location, 'partOf'));
  }
  return components(...Array.from({ length: 8 }, (_, i) => named[i + 1]));
}

function nameOf(location: JsonObject): string {
  return text(string(list(location['identifier'])[0]?.['value']) || string(location['name']));
}
