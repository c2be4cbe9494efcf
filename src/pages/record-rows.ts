/** Orders, results and reports as rows of the page with a person's record: values digit by digit as they were written. */
import { numberText, type JsonObject, type JsonValue } from '../fhir/json.ts';
import { html, type Piece } from './html.ts';
import { momentText, dateText } from './moment.ts';
import { codeText, isolated } from './report-document.ts';
import { list } from './report-words.ts';
import type { PersonFacts } from './person-record.ts';
import type { Texts } from './texts/en.ts';

export interface RecordTable {
  readonly type: string;
  readonly title: (texts: Texts) => string;
  readonly columns: (texts: Texts) => readonly string[];
  readonly row: (texts: Texts, resource: JsonObject, zone: string | undefined) => readonly Piece[];
}

export const recordTables: readonly RecordTable[] = [
  {
    type: 'ServiceRequest',
    title: ({ record }) => record.orders,
    columns: ({ record }) => [record.date, record.what, record.by, record.status],
    row: (texts, order, zone) => [
      when(texts, order['authoredOn'] ?? order['occurrenceDateTime'], zone),
      concept(order['code']),
      referenceText(order['requester']),
      state(texts, order['status']),
    ],
  },
  {
    type: 'Observation',
    title: ({ record }) => record.results,
    columns: ({ record }) => [record.date, record.what, record.value, record.range, record.flag, record.status],
    row: (texts, result, zone) => [
      when(texts, result['effectiveDateTime'] ?? result['effectiveInstant'] ?? result['issued'], zone),
      concept(result['code']),
      list([valueOf(result), ...objects(result['component']).map(componentText)].filter((one) => one !== undefined)),
      list(objects(result['referenceRange']).map(rangeText)),
      list(objects(result['interpretation']).map((one) => flag(texts, one))),
      state(texts, result['status']),
    ],
  },
  {
    type: 'DiagnosticReport',
    title: ({ record }) => record.reportsTitle,
    columns: ({ record }) => [record.date, record.what, record.conclusion, record.status],
    row: (texts, report, zone) => [
      when(texts, report['issued'] ?? report['effectiveDateTime'], zone),
      concept(report['code']),
      text(report['conclusion']),
      state(texts, report['status']),
    ],
  },
];

export function personOf(patient: JsonObject): PersonFacts {
  const strings = (values: readonly (JsonValue | undefined)[]): string =>
    values.filter((value) => typeof value === 'string' && value !== '').join(' ');
  const nameOf = ({ text: whole, given, family }: JsonObject): string =>
    typeof whole === 'string' ? whole : strings([...(Array.isArray(given) ? given : []), family]);
  const addressOf = ({ text: whole, line, postalCode, city, country }: JsonObject): string =>
    typeof whole === 'string' ? whole : strings([...(Array.isArray(line) ? line : []), postalCode, city, country]);
  const values = (name: string, of: (one: JsonObject) => string): string[] =>
    objects(patient[name])
      .map(of)
      .filter((value) => value !== '');
  const { birthDate, gender } = patient;
  return {
    names: values('name', nameOf),
    birthDate: typeof birthDate === 'string' ? birthDate : undefined,
    gender: typeof gender === 'string' ? gender : undefined,
    identifiers: values('identifier', ({ value }) => strings([value])),
    contacts: values('telecom', ({ value }) => strings([value])),
    addresses: values('address', addressOf),
  };
}

function objects(value: JsonValue | undefined): JsonObject[] {
  return (Array.isArray(value) ? value : []).filter(
    (one): one is JsonObject => typeof one === 'object' && one !== null && !Array.isArray(one),
  );
}

function text(value: JsonValue | undefined): Piece {
  return typeof value === 'string' ? isolated(value) : undefined;
}

function concept(value: JsonValue | undefined): Piece {
  const { text: words, coding } = (value ?? {}) as JsonObject;
  const [first] = objects(coding);
  const named = words ?? first?.['display'];
  if (typeof named === 'string') return isolated(named);
  return typeof first?.['code'] === 'string' ? codeText(first['code']) : undefined;
}

function referenceText(value: JsonValue | undefined): Piece {
  const { display, reference } = (value ?? {}) as JsonObject;
  if (typeof display === 'string') return isolated(display);
  return typeof reference === 'string' ? codeText(reference) : undefined;
}

function when(texts: Texts, value: JsonValue | undefined, zone: string | undefined): Piece {
  if (typeof value !== 'string') return undefined;
  return value.includes('T') && !Number.isNaN(Date.parse(value))
    ? momentText(texts, new Date(value), zone)
    : dateText(texts, value);
}

function state({ record }: Texts, value: JsonValue | undefined): Piece {
  return typeof value === 'string' ? isolated(inWords(record.states, value)) : undefined;
}

function flag({ record }: Texts, value: JsonObject): Piece {
  const code = objects(value['coding'])[0]?.['code'];
  if (typeof code !== 'string') return concept(value);
  return isolated(Object.hasOwn(record.flags, code) ? `${inWords(record.flags, code)} (${code})` : code);
}

function inWords(words: Readonly<Record<string, string>>, code: string): string {
  return Object.hasOwn(words, code) ? (words[code] ?? code) : code;
}

/** The value of a result or of a component; nothing where it has none. */
function valueOf(result: JsonObject): Piece {
  const name = Object.keys(result).find((key) => /^value[A-Z]/.test(key));
  const value = name === undefined ? undefined : result[name];
  if (name === 'valueQuantity') return codeText(quantityText(value as JsonObject));
  if (name === 'valueCodeableConcept') return concept(value);
  if (name === 'valueRange') return codeText(boundsText(value as JsonObject));
  if (name === 'valueRatio') return codeText(ratioText(value as JsonObject));
  if (name === 'valueInteger') return codeText(numberText(result, name));
  if (typeof value === 'boolean') return codeText(String(value));
  return typeof value === 'string' ? isolated(value) : concept(result['dataAbsentReason']);
}

function componentText(component: JsonObject): Piece {
  return html`${concept(component['code'])}: ${valueOf(component)}`;
}

function quantityText(quantity: JsonObject): string {
  const { value, comparator, unit, code } = quantity;
  const digits = typeof value === 'number' ? numberText(quantity, 'value') : '';
  const words = unit ?? code;
  return `${typeof comparator === 'string' ? comparator : ''}${digits}${typeof words === 'string' ? ` ${words}` : ''}`.trim();
}

function ratioText({ numerator, denominator }: JsonObject): string {
  return [numerator, denominator].map((one) => quantityText((one ?? {}) as JsonObject)).join(' : ');
}

function boundsText({ low, high }: JsonObject): string {
  const [from, to] = [low, high].map((one) => (one === undefined ? '' : quantityText(one as JsonObject)));
  if (from === '') return `≤ ${to}`;
  return to === '' ? `≥ ${from}` : `${from} – ${to}`;
}

function rangeText(range: JsonObject): Piece {
  const { text: words, low, high } = range;
  if (typeof words === 'string') return isolated(words);
  return low === undefined && high === undefined ? undefined : codeText(boundsText(range));
}
