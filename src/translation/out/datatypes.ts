/**
 * Data types of FHIR → data types of HL7 v2, the way back of ../datatypes.ts: what is written here is read there as the same.
 * Each gives '' where nothing is said.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { addressUses, codingSystems, nameUses } from '../codes.ts';
import { list, member, since, string, type Source, type Writing } from './source.ts';
import { timeText } from './times.ts';
import { components, nested, subcomponents, text } from './writer.ts';

/** Value → first key that means it. */
export function reversed(table: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(table)
      .toReversed()
      .map(([key, value]) => [value, key]),
  );
}

const systems = reversed(codingSystems);
const uses = { name: reversed(nameUses), address: reversed(addressUses) };

function localName(system: string, prefix: string): string | undefined {
  return system.startsWith(prefix) ? decodeURIComponent(system.slice(prefix.length)) : undefined;
}

/** HD of a system of identifiers, in subcomponents. */
export function authority(system: string, { authorities }: Pick<Writing, 'authorities'>): string {
  const named = authorities[system] ?? localName(system, 'urn:makhbar:hl7v2:authority:');
  if (named !== undefined) return text(named);
  const [, oid] = /^urn:oid:(.+)$/.exec(system) ?? [];
  if (oid !== undefined) return subcomponents('', text(oid), 'ISO');
  const [, uuid] = /^urn:uuid:(.+)$/.exec(system) ?? [];
  if (uuid !== undefined) return subcomponents('', text(uuid), 'UUID');
  return system === '' ? '' : subcomponents('', text(system), 'URI');
}

function typeOf(identifier: JsonObject): string {
  return string(list(member(identifier, 'type', 'coding'))[0]?.['code']);
}

/** CX. */
export function identifier(one: JsonObject, writing: Writing): string {
  const { system, value } = one;
  if (string(value) === '') return '';
  return components(
    text(string(value)),
    '',
    '',
    authority(string(system), writing),
    text(typeOf(one)),
    '',
    timeText(member(one, 'period', 'start'), writing.zone).slice(0, 8),
    timeText(member(one, 'period', 'end'), writing.zone).slice(0, 8),
  );
}

/** EI: a number of an order, a specimen, a device. */
export function entityIdentifier(one: JsonObject | undefined, writing: Writing): string {
  const value = string(one?.['value']);
  if (value === '') return '';
  const [namespace = '', universal = '', type = ''] = authority(string(one?.['system']), writing).split('&');
  return components(text(value), namespace, universal, type);
}

/** The one of several that has a type of table 0203. */
export function identifierOfType(identifiers: unknown, type: string): JsonObject | undefined {
  return list(identifiers).find((one) => typeOf(one) === type);
}

/** XPN. */
export function humanName(name: JsonObject, { zone, version }: Writing): string {
  const [first = '', ...further] = list(name['given']).map(String);
  const words = (value: unknown): string => list(value).map(String).join(' ');
  const family = string(name['family']);
  const plain = family === '' && first === '' ? string(name['text']) : family;
  return components(
    text(plain),
    text(first),
    text(further.join(' ')),
    text(words(name['suffix'])),
    text(words(name['prefix'])),
    '',
    uses.name.get(string(name['use'])) ?? '',
    ...(since(version, '2.5')
      ? ['', '', '', '', timeText(member(name, 'period', 'start'), zone), timeText(member(name, 'period', 'end'), zone)]
      : []),
  );
}

/** XAD. */
export function address(one: JsonObject): string {
  const [street = '', ...other] = list(one['line']).map(String);
  const kind = one['type'] === 'postal' ? 'M' : (uses.address.get(string(one['use'])) ?? '');
  const part = (name: string): string => text(string(one[name]));
  const alone = street === '' && part('city') === '' && part('country') === '' ? string(one['text']) : street;
  return components(
    text(alone),
    text(other.join(', ')),
    part('city'),
    part('state'),
    part('postalCode'),
    part('country'),
    kind,
    '',
    part('district'),
  );
}

const equipment: Readonly<Record<string, string>> = {
  phone: 'PH',
  fax: 'FX',
  pager: 'BP',
  email: 'Internet',
  sms: 'CP',
};
const telecomUses: Readonly<Record<string, string>> = { home: 'PRN', work: 'WPN', temp: 'VHN', mobile: 'PRN' };

/** XTN. */
export function contactPoint(one: JsonObject): string {
  const [value, system, use] = [string(one['value']), string(one['system']) || 'phone', string(one['use'])];
  if (value === '' || equipment[system] === undefined) return '';
  if (system === 'email') return components('', 'NET', 'Internet', text(value));
  return components(text(value), telecomUses[use] ?? '', use === 'mobile' ? 'CP' : equipment[system]);
}

/** CWE-3: the system as v2 names it; its address where v2 has no name. */
export function systemName(system: string, { authorities }: Pick<Writing, 'authorities'>): string {
  const [, table] = /^http:\/\/terminology\.hl7\.org\/CodeSystem\/v2-(\d{4})$/.exec(system) ?? [];
  if (table !== undefined) return `HL7${table}`;
  const [, oid] = /^urn:oid:(.+)$/.exec(system) ?? [];
  const known = systems.get(system) ?? authorities[system] ?? localName(system, 'urn:makhbar:hl7v2:code:');
  return known ?? oid ?? (system === '' ? '' : system);
}

/** CWE, or CE before 2.5: two codings, and the text where it is another than the first one's. */
export function concept(value: unknown, writing: Writing): string {
  const of = value as JsonObject | undefined;
  if (of === undefined || of === null) return '';
  const [first, second] = list(of['coding']);
  const words = string(of['text']);
  if (first === undefined) return components('', text(words));
  const coding = (one: JsonObject | undefined, otherwise = ''): string[] =>
    one === undefined
      ? ['', '', '']
      : [
          text(string(one['code'])),
          text(string(one['display']) || otherwise),
          text(systemName(string(one['system']), writing)),
        ];
  const original = since(writing.version, '2.5') && words !== string(first['display']) ? ['', '', text(words)] : [];
  return components(...coding(first, words), ...coding(second), ...original);
}

/** The resource of a person of the staff, or of his role. */
function staffOf(reference: JsonObject | undefined, { find }: Pick<Source, 'find'>): JsonObject | undefined {
  const found = find(reference);
  return found?.['resourceType'] === 'PractitionerRole' ? find(member(found, 'practitioner')) : found;
}

/** XCN of who is referred to. */
export function person(reference: JsonObject | undefined, source: Pick<Source, 'find'>, writing: Writing): string {
  if (reference === undefined) return '';
  const staff = staffOf(reference, source);
  const [named] = list(staff?.['identifier'] ?? member(reference, 'identifier'));
  const [name] = list(staff?.['name']);
  const [first = '', ...further] = list(name?.['given']).map(String);
  const display = name === undefined ? string(reference['display']) : string(name['family']) || string(name['text']);
  const words = (value: unknown): string => list(value).map(String).join(' ');
  return components(
    text(string(named?.['value'])),
    text(display),
    text(first),
    text(further.join(' ')),
    text(words(name?.['suffix'])),
    text(words(name?.['prefix'])),
    '',
    '',
    authority(string(named?.['system']), writing),
  );
}

/** CNN in subcomponents, as NDL has it. */
export function personInPart(reference: JsonObject, source: Pick<Source, 'find'>, writing: Writing): string {
  const [id = '', ...rest] = person(reference, source, writing).split('^');
  return nested(components(id, ...rest.slice(0, 5)));
}

/** XON of who is referred to. */
export function organization(reference: JsonObject, { find }: Pick<Source, 'find'>, writing: Writing): string {
  const found = find(reference);
  const [named] = list(found?.['identifier'] ?? member(reference, 'identifier'));
  const name = string(found?.['name']) || string(reference['display']);
  return components(
    text(name),
    '',
    '',
    '',
    '',
    authority(string(named?.['system']), writing),
    '',
    '',
    '',
    text(string(named?.['value'])),
  );
}
