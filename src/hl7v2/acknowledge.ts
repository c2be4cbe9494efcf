/**
 * Acknowledgements: MSH, MSA and an ERR for each thing that was wrong. HL7 v2.5.1 §2.9 (processing rules), §2.15.5 (ERR),
 * §2.15.8 (MSA); tables 0008, 0357, 0516.
 *
 * 1. It is written with the delimiters and in the version of the message that it answers; before version 2.5 an ERR has
 *    one field, and MSA-3 tells the sentence.
 * 2. Sender and receiver change places.
 * 3. Nothing of the content of the message stands in it but MSH's own names: sentences name fields, not values.
 */
import { escapeText } from './escape.ts';
import { readHeader } from './header.ts';
import { fieldsOf, standardDelimiters, type Delimiters, type Message } from './message.ts';

/** Table 0008. */
export type AckCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

/** Table 0357, those that are used. */
export const errorCodes = {
  '100': 'Segment sequence error',
  '101': 'Required field missing',
  '102': 'Data type error',
  '103': 'Table value not found',
  '200': 'Unsupported message type',
  '201': 'Unsupported event code',
  '202': 'Unsupported processing id',
  '203': 'Unsupported version id',
  '204': 'Unknown key identifier',
  '205': 'Duplicate key identifier',
  '206': 'Application record locked',
  '207': 'Application internal error',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** A place in a message: `PID[1]-3`, with what the standard counts from 1. */
export interface Place {
  readonly segment: string;
  readonly sequence?: number;
  readonly field?: number;
  readonly component?: number;
}

export interface Problem {
  readonly code: ErrorCode;
  readonly sentence: string;
  readonly place?: Place;
  readonly severity?: 'E' | 'W' | 'I';
}

export interface Acknowledgement {
  readonly code: AckCode;
  readonly problems: readonly Problem[];
  /** MSH-10 of the acknowledgement. */
  readonly controlId: string;
  /** MSH-7: YYYYMMDDHHMMSS+ZZZZ. */
  readonly time: string;
  /** MSH-9 of an answer that is more than an acknowledgement: `RSP`, `K11`, `RSP_K11`. */
  readonly type?: readonly string[];
  /** MSH-21. */
  readonly profile?: string;
  /** Without ERR, for who cannot read it (quirks.ts). */
  readonly plain?: boolean;
}

/** @param message undefined where what came could not be read: the answer is then as plain as can be */
export function acknowledge(message: Message | undefined, acknowledgement: Acknowledgement): string {
  const delimiters = message?.delimiters ?? standardDelimiters;
  const header = message && readHeader(message);
  const { code, problems, controlId, time, profile, plain } = acknowledgement;
  const type = acknowledgement.type ?? ['ACK', header?.event ?? '', 'ACK'].filter((part, i) => part !== '' || i !== 1);
  const [from, to] =
    message === undefined
      ? [
          ['', ''],
          ['', ''],
        ]
      : partners(message);
  const version = header?.version || '2.5.1';
  const escaped = (text: string): string => escapeText(text, delimiters);
  const { field, component } = delimiters;
  const line = (...fields: string[]): string => fields.join(field).replace(new RegExp(`\\${field}+$`), '') + '\r';
  const { component: c, repetition: r, escape: e, subcomponent: s } = delimiters;
  const processing = header?.processing || 'P';
  const encoding = message === undefined ? '' : rawField(message, 18);
  const head = [
    'MSH',
    `${c}${r}${e}${s}`,
    ...to,
    ...from,
    time,
    '',
    type.map(escaped).join(component),
    escaped(controlId),
  ];
  const msh = line(...head, escaped(processing), escaped(version), '', '', '', '', '', encoding, '', '', profile ?? '');
  const old = isBefore25(version);
  const [first] = problems;
  const msa = line(
    'MSA',
    code,
    escaped(header?.controlId ?? ''),
    first === undefined ? '' : escaped(first.sentence.slice(0, 80)),
  );
  if (plain === true) return msh + msa;
  return msh + msa + problems.map((problem) => line(...errorFields(problem, delimiters, old))).join('');
}

/** MSH-3|MSH-4 and MSH-5|MSH-6 as they came, components and all. */
function partners(message: Message): [string[], string[]] {
  return [
    [rawField(message, 3), rawField(message, 4)],
    [rawField(message, 5), rawField(message, 6)],
  ];
}

function rawField({ delimiters, segments }: Message, number: number): string {
  const header = segments.find(({ name }) => name === 'MSH');
  return header === undefined ? '' : (fieldsOf(delimiters, header)[number] ?? '');
}

function isBefore25(version: string): boolean {
  const [major = 2, minor = 5] = version.split('.').map(Number);
  return major === 2 && minor < 5;
}

function errorFields(
  { code, sentence, place, severity = 'E' }: Problem,
  delimiters: Delimiters,
  old: boolean,
): string[] {
  const { component, subcomponent } = delimiters;
  const where =
    place === undefined
      ? []
      : [place.segment, place.sequence ?? '', place.field ?? '', old ? '' : 1, place.component ?? ''];
  const coded = [code, errorCodes[code], 'HL70357'].map((part) => escapeText(part, delimiters));
  if (old) {
    // §2.24.4 of 2.3.1: segment, sequence, field, code.
    return ['ERR', [...where.slice(0, 3), coded.join(subcomponent)].join(component)];
  }
  const text = escapeText(sentence, delimiters);
  return ['ERR', '', where.join(component).replace(/\W+$/, ''), coded.join(component), severity, '', '', '', text];
}
