/**
 * A message of results from an analyzer (LIS02-A2) → Observations. Pure: what is known of the specimens that it names was
 * looked up before.
 *
 * 1. No patient is made: a result is of the patient whose specimen it is. A specimen that is not known, and a P that names
 *    another patient than the specimen's, leave the whole message waiting.
 * 2. Controls (O.12 or H.12 is Q) are of no patient, and of a category of their own.
 * 3. What was sent to train or to debug (H.12 is T or D) becomes nothing.
 */
import { componentsAt, componentsOf, fieldOf, repeatsOf, textAt, type Record } from '../../astm/record.ts';
import type { AstmMessage, Order, Patient } from '../../astm/structure.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { controlMaterial } from '../codes.ts';
import { newTarget, type Settings, type Target, type Translation } from '../translation.ts';
import { madeWork } from './made.ts';
import { cancelled, observation, type Request, type ResultOf } from './result.ts';

/** What the laboratory knows of a specimen. */
export interface Work {
  readonly specimen: JsonObject;
  readonly subject: JsonObject | undefined;
  /** Numbers of its patient. */
  readonly patientNumbers: readonly string[];
  readonly requests: readonly Request[];
}

export interface AstmSettings extends Settings {
  /** By its number; undefined for one that is not known. */
  readonly work: (specimen: string) => Work | undefined;
  /** Id of the interface: two analyzers may test one specimen. */
  readonly sender: string;
  /** Whether a specimen that is not known becomes one, with its patient. */
  readonly createsPatients?: boolean;
}

const laboratory = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }],
};
export const qualityControl = {
  coding: [{ system: 'urn:makhbar:astm:category', code: 'quality-control', display: 'Quality control' }],
};

/** The number of the specimen: O.3 as the laboratory calls it, else O.4 as the instrument does. */
export function specimenOf(order: Record): string {
  return componentsAt(order, 3).find((one) => one !== '') ?? componentsAt(order, 4).find((one) => one !== '') ?? '';
}

/** Numbers of all specimens of patients, to be looked up. */
export function specimensOf(message: AstmMessage): string[] {
  const orders = message.patients.flatMap((patient) => patient.orders);
  const numbers = orders.filter((order) => !isControl(message, order)).map(({ record }) => specimenOf(record));
  return [...new Set(numbers.filter((one) => one !== ''))];
}

export function translateResults(message: AstmMessage, settings: AstmSettings, newId: () => string): Translation {
  const { target, translation } = newTarget(settings, newId);
  const purpose = message.header === undefined ? '' : textAt(message.header.record, 12);
  if (purpose === 'T' || purpose === 'D') {
    const sentence = 'H.12 says that the message is for training or debugging: it is kept, and becomes nothing.';
    target.problem({ code: '202', severity: 'I', sentence, place: { segment: 'H', sequence: 1, field: 12 } });
    return translation;
  }
  const counted = { results: 0, orders: 0, seen: new Map<string, number>() };
  for (const patient of message.patients) {
    for (const order of patient.orders) translateOrder(target, settings, { message, patient, order, counted });
  }
  if (message.loose.some(({ type }) => type === 'R')) {
    const sentence = 'A result must stand after the order that it is of.';
    target.problem({ code: '100', sentence, place: { segment: 'R', sequence: 1 } });
  }
  return translation;
}

interface Of {
  readonly message: AstmMessage;
  readonly patient: Patient;
  readonly order: Order;
  readonly counted: { results: number; orders: number; readonly seen: Map<string, number> };
}

function translateOrder(target: Target, settings: AstmSettings, { message, patient, order, counted }: Of): void {
  const sequence = ++counted.orders;
  const isCancelled = order.results.length === 0 && textAt(order.record, 26) === 'X';
  if (order.results.length === 0 && !isCancelled) return;
  const number = specimenOf(order.record);
  const control = isControl(message, order);
  const work = control
    ? undefined
    : (settings.work(number) ?? madeWork(target, settings, { patient: patient.record, number }));
  const wrong = control ? undefined : faultOf(patient.record, { number, work });
  if (wrong !== undefined) {
    const place = { segment: 'O', sequence, field: 3 };
    target.problem({ code: '204', sentence: wrong, place });
    return;
  }
  const of: Omit<ResultOf, 'sequence'> = {
    order: order.record,
    source: `${settings.sender}|${control ? `control|${runOf(order)}` : 'specimen'}|${number}`,
    category: control ? qualityControl : laboratory,
    subject: work?.subject,
    specimen: control ? materialOf(number) : work?.specimen,
    requests: work?.requests ?? [],
    instrument: message.header === undefined ? '' : (componentsAt(message.header.record, 5)[0] ?? ''),
    seen: counted.seen,
  };
  for (const result of order.results) observation(target, result, { ...of, sequence: ++counted.results });
  if (!isCancelled) return;
  for (const test of repeatsOf(order.record, fieldOf(order.record, 5))) cancelled(target, test, { ...of, sequence });
}

/** Control material is no specimen of a patient: what it is called is all that is known of it. */
function materialOf(value: string): JsonObject | undefined {
  return value === '' ? undefined : { identifier: { system: controlMaterial, value } };
}

/** Each run of a control is by itself. */
function runOf({ record, results }: Order): string {
  const completed = results.map((result) => textAt(result.record, 13) || textAt(result.record, 12));
  return completed.find((one) => one !== '') ?? (textAt(record, 8) || textAt(record, 7));
}

function isControl({ header }: AstmMessage, { record }: Order): boolean {
  return textAt(record, 12) === 'Q' || (header !== undefined && textAt(header.record, 12) === 'Q');
}

function faultOf(
  patient: Record,
  { number, work }: { readonly number: string; readonly work: Work | undefined },
): string | undefined {
  if (number === '') return 'O.3 must name the specimen.';
  if (work === undefined) return 'O.3 names a specimen that is not known.';
  const named = [3, 4, 5].flatMap((field) =>
    repeatsOf(patient, fieldOf(patient, field)).map((repeat) => componentsOf(patient, repeat)[0] ?? ''),
  );
  const numbers = named.filter((one) => one !== '');
  const isAnother =
    numbers.length > 0 && work.patientNumbers.length > 0 && !numbers.some((one) => work.patientNumbers.includes(one));
  return isAnother ? 'P names another patient than the one whose specimen O.3 names.' : undefined;
}
