/**
 * R with its C → Observation. LIS02-A2 §9 and §10.
 *
 * 1. A number keeps its digits; `<0.01` is a Quantity with a comparator; all else is a text, as it was written.
 * 2. A result is found again by the specimen, what was ordered and what was tested: what is sent again, corrected or run
 *    anew meets it, and the history keeps what it was. One test that comes several times in an order is several results.
 * 3. Codes that the interface's ConceptMaps do not know are stored as they came, and told.
 */
import { createHash } from 'node:crypto';
import { componentsAt, componentsOf, fieldOf, repeatsOf, textAt, type Record } from '../../astm/record.ts';
import type { Result } from '../../astm/structure.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { analyzerCodes, codingSystem, interpretations } from '../codes.ts';
import { byIdentifier, object } from '../datatypes.ts';
import { dateTime, instant } from '../times.ts';
import type { Target } from '../translation.ts';
import { compared, decimalText, rangeOf, withDecimal } from '../value.ts';

const observationSystem = 'urn:makhbar:astm:observation';
const absent = 'http://terminology.hl7.org/CodeSystem/data-absent-reason';

/** R.9, §10.1.9. R and Q say why it is sent, and V that somebody looked at it: each is a result that stands. */
const statuses: Readonly<{ [code: string]: string }> = {
  C: 'corrected',
  F: 'final',
  I: 'registered',
  M: 'preliminary',
  N: 'registered',
  P: 'preliminary',
  Q: 'final',
  R: 'final',
  S: 'preliminary',
  V: 'final',
  W: 'preliminary',
  X: 'cancelled',
};

export interface Request {
  readonly reference: string;
  readonly codes: readonly { readonly system: string; readonly code: string }[];
}

/** What an order of the message is about. */
export interface ResultOf {
  readonly order: Record;
  /** What the sender calls the specimen or the control. */
  readonly source: string;
  readonly category: JsonObject;
  readonly subject: JsonObject | undefined;
  readonly specimen: JsonObject | undefined;
  readonly requests: readonly Request[];
  /** Where R.14 names no instrument. */
  readonly instrument: string;
  /** Names of results that the message had before. */
  readonly seen: Map<string, number>;
  /** Which R of the message, from 1. */
  readonly sequence: number;
}

export function observation(target: Target, { record, comments }: Result, of: ResultOf): void {
  const place = { segment: 'R', sequence: of.sequence, field: 3 };
  const test = componentsAt(record, 3);
  const codings = codingsOf(target, test, place);
  if (codings.length === 0) {
    target.problem({ code: '101', sentence: 'R.3 must name what was tested.', place });
    return;
  }
  const status = statuses[textAt(record, 9)] ?? 'unknown';
  const { zone } = target.settings;
  const completed = textAt(record, 13);
  const resource = {
    ...base(of, codings, test),
    status,
    effectiveDateTime: dateTime(textAt(of.order, 8) || completed || textAt(record, 12), zone),
    issued: instant(completed, zone),
    performer: operators(record),
    ...valueOf(record, status),
    interpretation: repeatsOf(record, fieldOf(record, 7)).flatMap((flag) => interpretation(record, flag)),
    note: notes(comments),
    device: deviceOf(textAt(record, 14) || of.instrument),
    referenceRange: rangesOf(record),
  };
  add(target, resource);
}

/** A test of an order that says it was cancelled (O.26 is X) and has no result. @param repeat of O.5 */
export function cancelled(target: Target, repeat: string, of: ResultOf): void {
  const test = componentsOf(of.order, repeat);
  const codings = codingsOf(target, test, { segment: 'O', sequence: of.sequence, field: 5 });
  if (codings.length === 0) return;
  const dataAbsentReason = { coding: [{ system: absent, code: 'not-performed' }] };
  add(target, { ...base(of, codings, test), status: 'cancelled', dataAbsentReason, device: deviceOf(of.instrument) });
}

function add(target: Target, members: Parameters<typeof object>[0]): void {
  const resource = object(members);
  const [own] = resource['identifier'] as JsonObject[];
  target.add(resource, byIdentifier(own));
}

function base(of: ResultOf, coding: readonly JsonObject[], test: readonly string[]): Parameters<typeof object>[0] {
  const request = requestOf(of.requests, coding);
  return {
    resourceType: 'Observation',
    identifier: [identifierOf(of, test)],
    basedOn: request === undefined ? undefined : [{ reference: request.reference }],
    category: [of.category],
    code: { coding: [...coding] },
    subject: of.subject,
    specimen: of.specimen,
  };
}

/** The order of this test; the only one of the specimen, where codes differ. */
function requestOf(requests: readonly Request[], coding: readonly JsonObject[]): Request | undefined {
  const ofTest = requests.filter(({ codes }) =>
    codes.some(({ system, code }) => coding.some((one) => one['system'] === system && one['code'] === code)),
  );
  const [found, ...others] = ofTest.length > 0 ? ofTest : requests;
  return others.length === 0 ? found : undefined;
}

/** Universal test ID, §5.6.1: id, name and type of a common system; then the sender's own. */
function codingsOf(
  target: Target,
  [id = '', name = '', type = '', own = '', ...further]: readonly string[],
  place: { segment: string; sequence: number; field: number },
): JsonObject[] {
  const common = id === '' || type === '' ? undefined : codingSystem(type);
  const local = own || (common === undefined ? id : '') || further.find((one) => one !== '') || name;
  const given = [
    ...(common === undefined ? [] : [object({ system: common, code: id, display: name })]),
    ...(local === ''
      ? []
      : [object({ system: analyzerCodes, code: local, display: common === undefined ? name : '' })]),
  ];
  const mapped = local === '' ? undefined : target.settings.mapped(analyzerCodes, local);
  if (mapped === undefined && common === undefined && local !== '') {
    target.unmapped({ system: analyzerCodes, code: local, display: name, place });
  }
  return mapped === undefined ? given : [mapped, ...given];
}

/** Hashed where it would be longer than an index takes. */
function identifierOf({ order, source, seen }: ResultOf, test: readonly string[]): JsonObject {
  const named = [source, componentsAt(order, 5).join('^'), test.join('^')].join('|');
  const nth = (seen.get(named) ?? 0) + 1;
  seen.set(named, nth);
  const parts = nth === 1 ? named : `${named}|${nth}`;
  const value = parts.length <= 200 ? parts : createHash('sha256').update(parts).digest('hex');
  return { system: observationSystem, value };
}

function valueOf(record: Record, status: string): JsonObject {
  const components = componentsAt(record, 4).filter((one) => one !== '');
  const text = components.length === 1 ? (components[0] ?? '') : textAt(record, 4);
  if (components.length === 0) {
    if (status === 'registered') return {};
    return {
      dataAbsentReason: { coding: [{ system: absent, code: status === 'cancelled' ? 'not-performed' : 'unknown' }] },
    };
  }
  const [, comparator, limit = text] = compared.exec(text) ?? [];
  const digits = decimalText(limit);
  if (digits === undefined) return { valueString: text };
  return { valueQuantity: withDecimal(object({ comparator, unit: textAt(record, 5) }), 'value', digits) };
}

/** R.6: several where there are several, each with what it is about as its second component. */
function rangesOf(record: Record): JsonObject[] {
  const unit = object({ unit: textAt(record, 5) });
  return repeatsOf(record, fieldOf(record, 6)).flatMap((repeat) => {
    const [text = '', about = ''] = componentsOf(record, repeat);
    if (text === '') return [];
    return [{ ...(about !== '' && { type: { text: about } }), ...rangeOf(text, unit) }];
  });
}

function interpretation(record: Record, flag: string): JsonObject[] {
  const code = componentsOf(record, flag).find((one) => one !== '');
  if (code === undefined) return [];
  if (!interpretations.has(code)) return [{ text: code }];
  return [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code }] }];
}

/** R.11: who ran it, and who verified it. */
function operators(record: Record): JsonObject[] {
  return [...new Set(componentsAt(record, 11))].filter((one) => one !== '').map((display) => ({ display }));
}

function deviceOf(display: string): JsonObject | undefined {
  return display === '' ? undefined : { display };
}

export function notes(comments: readonly Record[]): JsonObject[] {
  const texts = comments.flatMap((one) => repeatsOf(one, fieldOf(one, 4)).map((text) => componentsOf(one, text)));
  return texts
    .map((components) => components.filter((one) => one !== '').join(' '))
    .filter((text) => text !== '')
    .map((text) => ({ text }));
}
