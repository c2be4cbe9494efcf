/** Observation → OBX with its notes, the way back of ../observation.ts. HL7 v2.5.1 §7.4.2. */
import type { JsonObject } from '../../fhir/json.ts';
import { concept, entityIdentifier, organization, person } from './datatypes.ts';
import { noteSegments } from './notes.ts';
import { list, member, since, string, type Source, type Writing } from './source.ts';
import { timeText } from './times.ts';
import { rangeText, valueOf } from './value.ts';
import { components, repetitions, segment, text } from './writer.ts';

/** Table 0085; what has no code there is left open. */
const statuses: Readonly<Record<string, string>> = {
  registered: 'I',
  preliminary: 'P',
  final: 'F',
  amended: 'C',
  corrected: 'C',
  cancelled: 'X',
  'entered-in-error': 'W',
  deleted: 'D',
};

/** Of a report that is withdrawn: all of it is, whatever becomes of the results. */
function statusOf({ status }: JsonObject, { root }: Source): string {
  const own = statuses[string(status)] ?? '';
  const whole = root['resourceType'] === 'DiagnosticReport' ? string(root['status']) : '';
  if (own === 'D' || (whole !== 'deleted' && whole !== 'entered-in-error')) return own;
  return statuses[whole] ?? own;
}

export interface Placed {
  /** OBX-1. */
  readonly number: number;
  /** OBX-4. */
  readonly subId: string;
}

export function observationSegments(
  observation: JsonObject,
  { number, subId }: Placed,
  { source, writing }: { readonly source: Source; readonly writing: Writing },
): string[] {
  const value = valueOf(observation, writing);
  const people = list(observation['performer']);
  const isOrganization = (one: JsonObject): boolean =>
    one['type'] === 'Organization' || /^Organization\//.test(string(one['reference']));
  const laboratories = people.filter(isOrganization).map((one) => organization(one, source, writing));
  const device = source.find(member(observation, 'device'));
  const late = since(writing.version, '2.5.1');
  return [
    segment('OBX', {
      1: String(number),
      2: value?.type ?? '',
      3: concept(observation['code'], writing),
      4: text(subId),
      5: value?.value ?? '',
      6: value?.unit ?? '',
      7: rangeText(observation),
      8: interpretations(observation, writing),
      11: statusOf(observation, source),
      14: effective(observation, writing.zone),
      15: late || laboratories[0] === undefined ? '' : producer(laboratories[0]),
      16: repetitions(people.filter((one) => !isOrganization(one)).map((one) => person(one, source, writing))),
      17: concept(observation['method'], writing),
      18: entityIdentifier(member(observation, 'device', 'identifier') ?? list(device?.['identifier'])[0], writing),
      19: timeText(observation['issued'], writing.zone),
      20: late ? concept(observation['bodySite'], writing) : '',
      23: late ? (laboratories[0] ?? '') : '',
    }),
    ...noteSegments(observation['note']),
  ];
}

/** XON → CE: its number and name. */
function producer(xon: string): string {
  const parts = xon.split('^');
  return components(parts[9], parts[0]);
}

/** Codes alone up to 2.6 (IS), with their system since then. */
function interpretations({ interpretation }: JsonObject, { version }: Writing): string {
  return repetitions(
    list(interpretation).map((one) => {
      const [coding] = list(one['coding']);
      if (coding === undefined) return components('', text(string(one['text'])));
      const code = text(string(coding['code']));
      return since(version, '2.7') ? components(code, text(string(coding['display'])), 'HL70078') : code;
    }),
  );
}

export function effective(resource: JsonObject, zone: string): string {
  const when =
    resource['effectiveDateTime'] ?? resource['effectiveInstant'] ?? member(resource, 'effectivePeriod', 'start');
  return timeText(when, zone);
}
