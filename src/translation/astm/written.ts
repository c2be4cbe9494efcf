/**
 * Results of one specimen → a message of LIS02-A2: H P O R C L, the way back of results.ts. Pure.
 *
 * 1. Results of one time are of one O, whose O.8 it is; a result with components is an R for each, and for itself where it
 *    has a value.
 * 2. A result that was entered in error is told as cancelled, without its value: there is no other word for it.
 */
import { escapeText, recordText, standardDelimiters } from '../../astm/record.ts';
import { numberText, type JsonObject } from '../../fhir/json.ts';
import { analyzerCodes, genders, interpretations } from '../codes.ts';
import { reversed, systemName } from '../out/datatypes.ts';
import { list, member, string, type Source } from '../out/source.ts';
import { timeText } from '../out/times.ts';
import { withoutExponent } from '../out/value.ts';

export interface SpecimenResults {
  /** O.3. */
  readonly number: string;
  readonly patient: JsonObject | undefined;
  readonly results: readonly JsonObject[];
}

export interface AstmWriting {
  readonly zone: string;
  /** H.5. */
  readonly sender: string;
  /** FHIR instant. */
  readonly now: string;
  readonly find: Source['find'];
}

const { component, repeat } = standardDelimiters;
const sexes = reversed(genders);

/** R.9. */
const statuses: Readonly<Record<string, string>> = {
  registered: 'I',
  preliminary: 'P',
  final: 'F',
  amended: 'C',
  corrected: 'C',
  cancelled: 'X',
  'entered-in-error': 'X',
};

export function resultsMessage({ number, patient, results }: SpecimenResults, writing: AstmWriting): string {
  const { zone, sender, now } = writing;
  const times = Map.groupBy(results, (one) => timeText(effectiveOf(one), zone));
  const records = [
    record('H', {
      2: `${repeat}${component}${standardDelimiters.escape}`,
      5: text(sender),
      12: 'P',
      13: 'LIS2-A2',
      14: timeText(now.replace(/\.\d+/, ''), zone),
    }),
    patientRecord(patient, zone),
    ...[...times].flatMap(([time, some], i) => orderRecords({ number, time, some, sequence: i + 1 }, writing)),
    record('L', { 2: '1', 3: 'N' }),
  ];
  return records.map((one) => `${one}\r`).join('');
}

export function effectiveOf(result: JsonObject): unknown {
  return result['effectiveDateTime'] ?? result['effectiveInstant'] ?? member(result, 'effectivePeriod', 'start');
}

/** Fields by their numbers in the standard; the type is the first. */
function record(type: string, fields: Readonly<Record<number, string>>): string {
  const most = Math.max(...Object.keys(fields).map(Number));
  const all = Array.from({ length: most - 1 }, (_, i) => fields[i + 2] ?? '');
  return recordText(type, all, standardDelimiters);
}

function text(value: string): string {
  return escapeText(value, standardDelimiters);
}

function joined(parts: readonly string[], separator: string): string {
  return parts.slice(0, parts.findLastIndex((one) => one !== '') + 1).join(separator);
}

function patientRecord(patient: JsonObject | undefined, zone: string): string {
  const [identifier] = list(patient?.['identifier']);
  const [name] = list(patient?.['name']);
  const given = list(name?.['given']).map(String);
  const family = string(name?.['family']) || (given.length === 0 ? string(name?.['text']) : '');
  return record('P', {
    2: '1',
    3: text(string(identifier?.['value'])),
    6: joined([family, ...given].map(text), component),
    8: timeText(patient?.['birthDate'], zone),
    9: sexes.get(string(patient?.['gender'])) ?? '',
  });
}

interface Order {
  readonly number: string;
  readonly time: string;
  readonly some: readonly JsonObject[];
  readonly sequence: number;
}

function orderRecords({ number, time, some, sequence }: Order, writing: AstmWriting): string[] {
  const parts = some.flatMap(partsOf);
  const tests = [...new Set(parts.map((one) => test(one['code'])))];
  const order = record('O', {
    2: String(sequence),
    3: text(number),
    5: tests.join(repeat),
    8: time,
    26: 'F',
  });
  return [order, ...parts.flatMap((one, i) => resultRecords(one, i + 1, writing))];
}

/** The result itself where it says something, and its components. */
function partsOf(result: JsonObject): JsonObject[] {
  const { component: components, note, ...rest } = result;
  const inherited = Object.entries(rest).filter(
    ([name]) => !/^(?:value|interpretation|referenceRange|hasMember|dataAbsentReason|code$)/.test(name),
  );
  const parts = list(components).map((one) => ({ ...Object.fromEntries(inherited), ...one }));
  const isWhole = parts.length === 0 || Object.keys(rest).some((name) => name.startsWith('value'));
  const [first, ...others] = isWhole ? [rest, ...parts] : parts;
  return first === undefined ? [] : [{ ...first, ...(note !== undefined && { note }) }, ...others];
}

/** Universal test ID: a common code, its name and system; the analyzer's own code is its fourth part. */
function test(code: unknown): string {
  const codings = list(member(code, 'coding'));
  const local = codings.find(({ system }) => system === analyzerCodes);
  const common = codings.find((one) => one !== local && string(one['code']) !== '');
  const own = string(local?.['code']) || (common === undefined ? string(member(code, 'text')) : '');
  return joined(
    [
      text(string(common?.['code'])),
      text(string(common?.['display']) || (common === undefined ? string(local?.['display']) : '')),
      common === undefined ? '' : text(systemName(string(common['system']), { authorities: {} })),
      text(own),
    ],
    component,
  );
}

function resultRecords(result: JsonObject, sequence: number, { zone, find }: AstmWriting): string[] {
  const isError = result['status'] === 'entered-in-error';
  const device = member(result, 'device');
  const people = list(result['performer']).map((one) => string(one['display']) || nameOf(find(one)));
  const found = record('R', {
    2: String(sequence),
    3: test(result['code']),
    4: isError ? '' : valueText(result),
    5: text(unitOf(result)),
    6: list(result['referenceRange']).map(rangeText).join(repeat),
    7: flags(result),
    9: statuses[string(result['status'])] ?? '',
    11: joined(people.slice(0, 2).map(text), component),
    13: timeText(result['issued'], zone),
    14: text(string(device?.['display'])),
  });
  const notes = list(result['note']).map((note) => string(note['text']));
  return [found, ...notes.map((note, i) => record('C', { 2: String(i + 1), 3: 'L', 4: text(note), 5: 'G' }))];
}

function nameOf(resource: JsonObject | undefined): string {
  const [name] = list(resource?.['name']);
  if (name === undefined) return string(resource?.['name']);
  return string(name['text']) || [...list(name['given']).map(String), string(name['family'])].join(' ').trim();
}

/** R.4: a number with its digits and what it is compared by, else the words. */
function valueText(result: JsonObject): string {
  const quantity = member(result, 'valueQuantity');
  if (quantity?.['value'] !== undefined)
    return text(string(quantity['comparator']) + withoutExponent(numberText(quantity, 'value')));
  const concept = member(result, 'valueCodeableConcept');
  const [coding] = list(concept?.['coding']);
  if (concept !== undefined)
    return text(string(concept['text']) || string(coding?.['display']) || string(coding?.['code']));
  const ratio = ['numerator', 'denominator'].map((name) => decimal(member(result, 'valueRatio', name)));
  if (result['valueRatio'] !== undefined) return text(ratio.join(':'));
  const range = ['low', 'high'].map((name) => decimal(member(result, 'valueRange', name)));
  if (result['valueRange'] !== undefined) return text(range.join('-'));
  const [other] = Object.entries(result).filter(([name]) => name.startsWith('value'));
  return text(string(other?.[1]));
}

function decimal(quantity: JsonObject | undefined): string {
  return quantity?.['value'] === undefined ? '' : withoutExponent(numberText(quantity, 'value'));
}

function unitOf(result: JsonObject): string {
  const of =
    member(result, 'valueQuantity') ?? member(result, 'valueRange', 'low') ?? member(result, 'valueRatio', 'numerator');
  return string(of?.['unit']) || string(of?.['code']);
}

function rangeText(range: JsonObject): string {
  const [low, high] = ['low', 'high'].map((name) => decimal(member(range, name))) as [string, string];
  const made = low !== '' && high !== '' ? `${low}-${high}` : low === '' ? `<=${high}` : `>=${low}`;
  const said = string(range['text']) || (low === '' && high === '' ? '' : made);
  return joined([text(said), text(string(member(range, 'type', 'text')))], component);
}

function flags(result: JsonObject): string {
  const codes = list(result['interpretation']).map((one) => {
    const [coding] = list(one['coding']);
    const code = string(coding?.['code']);
    return interpretations.has(code) ? code : text(string(one['text']) || code);
  });
  return codes.filter((one) => one !== '').join(repeat);
}
