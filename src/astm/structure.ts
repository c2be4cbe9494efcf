/**
 * What belongs to what in a message (LIS02-A2 §5.1, §6 to §15): a record belongs to the nearest one above it of a lower level.
 *
 *   level 0  H, L, S      level 1  P, Q      level 2  O      level 3  R
 *   C and M (and letters of the sender's own) belong to the record before them, whatever its level.
 */
import type { Record } from './record.ts';

export interface Result {
  readonly record: Record;
  readonly comments: readonly Record[];
  readonly manufacturer: readonly Record[];
}

export interface Order extends Result {
  readonly results: readonly Result[];
}

export interface Patient extends Result {
  readonly orders: readonly Order[];
}

export interface AstmMessage {
  /** Undefined where the sender leaves it out. */
  readonly header: Result | undefined;
  readonly patients: readonly Patient[];
  readonly queries: readonly Result[];
  /** Undefined for a message that was cut, or of a sender that leaves it out. */
  readonly terminator: Record | undefined;
  /** Records that stand where they mean nothing: a result without an order, scientific records, own letters. */
  readonly loose: readonly Record[];
}

interface Growing {
  record: Record;
  comments: Record[];
  manufacturer: Record[];
  orders: Growing[];
  results: Growing[];
}

/** The messages of a transmission: each from its H to its L. */
export function messagesOf(records: readonly Record[]): AstmMessage[] {
  const groups: Record[][] = [];
  for (const record of records) {
    const open = groups.at(-1);
    // Some send their header twice, before the patient.
    const begins =
      record.type === 'H' && open?.every(({ type }) => type === 'H' || type === 'C' || type === 'M') !== true;
    const ended = open?.at(-1)?.type === 'L' && record.type !== 'L' && record.type !== 'C';
    if (open === undefined || begins || ended) groups.push([record]);
    else open.push(record);
  }
  return groups.map(messageOf);
}

function messageOf(records: readonly Record[]): AstmMessage {
  let header: Growing | undefined;
  let terminator: Record | undefined;
  let last: Growing | undefined;
  const patients: Growing[] = [];
  const queries: Growing[] = [];
  const loose: Record[] = [];
  for (const record of records) {
    const one: Growing = { record, comments: [], manufacturer: [], orders: [], results: [] };
    const order = patients.at(-1)?.orders.at(-1);
    if (record.type === 'H') last = header ??= one;
    else if (record.type === 'P') patients.push((last = one));
    else if (record.type === 'Q') queries.push((last = one));
    else if (record.type === 'O') {
      // An order without a patient has one of whom nothing is known.
      if (patients.length === 0) patients.push({ ...one, record: unknownPatient(record), orders: [], results: [] });
      patients.at(-1)?.orders.push((last = one));
    } else if (record.type === 'R' && order !== undefined) order.results.push((last = one));
    else if (record.type === 'C' && last !== undefined) last.comments.push(record);
    else if (record.type === 'M' && last !== undefined) last.manufacturer.push(record);
    else if (record.type === 'L') terminator = record;
    else loose.push(record);
  }
  return { header, patients, queries, terminator, loose };
}

function unknownPatient({ delimiters }: Record): Record {
  return { type: 'P', text: 'P', fields: ['P'], delimiters };
}
