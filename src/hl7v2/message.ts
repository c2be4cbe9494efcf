/**
 * A message as segments, without loss: what is read and written back is the same text, character by character.
 * HL7 v2.5.1 §2.5 (segments, fields, components), §2.7 (escapes).
 *
 * 1. A segment keeps its own text and the line end that came after it; fields are split when they are asked for.
 * 2. Delimiters are those of MSH-1 and MSH-2, whatever they are. MSH-1 is the field separator itself, MSH-2 the text
 *    after it: fields are numbered as the standard numbers them. A message whose MSH-2 is no good is read all the same,
 *    so that it can be kept and answered.
 * 3. `""` is HL7's null ("remove what you have"), which is not the same as an empty field ("not said").
 */
import { unescapeText } from './escape.ts';

export interface Delimiters {
  readonly field: string;
  readonly component: string;
  readonly repetition: string;
  readonly escape: string;
  readonly subcomponent: string;
}

export interface Segment {
  /** Three characters, in capitals as the standard names it; '' for a line that is none. */
  readonly name: string;
  readonly text: string;
  /** The line end that follows: CR, LF, CRLF or '' at the end. */
  readonly end: string;
}

export interface Message {
  readonly delimiters: Delimiters;
  readonly segments: readonly Segment[];
  /** What MSH-2 breaks; the delimiters are the standard ones then. */
  readonly problem?: string;
  /** Told of each field that is read, by the index of its segment: what is never read has no effect. */
  readonly seen?: (segment: number, field: number) => void;
}

export const standardDelimiters: Delimiters = {
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
};

/** Why a text is no message; `rule` is the place and what it breaks. */
export class NoMessage extends Error {
  override readonly name = 'NoMessage';
}

/** @throws NoMessage where it does not begin with MSH (or FHS, BHS) and its delimiters */
export function parseMessage(text: string): Message {
  const segments = splitSegments(text);
  const header = segments.find(({ name }) => name !== '');
  if (header === undefined || !/^(?:MSH|FHS|BHS)$/.test(header.name)) {
    throw new NoMessage('A message begins with the segment MSH.');
  }
  return { ...delimitersOf(header.text), segments };
}

/** What a message may have: more takes longer to read than any sender has a reason for. */
const mostSegments = 20_000;
const mostParts = 2_000_000;

/** Why a message is too large to be looked into, whatever its bytes are; undefined where it is not. */
export function sizeFault({ delimiters, segments }: Message): string | undefined {
  if (segments.length > mostSegments) return `A message may have at most ${mostSegments} segments.`;
  // Shorter than it may have parts: nearly every message.
  if (segments.reduce((sum, { text }) => sum + text.length, 0) <= mostParts) return undefined;
  let parts = 0;
  for (const { text } of segments) {
    for (const delimiter of Object.values(delimiters) as string[]) {
      for (let at = text.indexOf(delimiter); at >= 0; at = text.indexOf(delimiter, at + 1)) {
        if (++parts > mostParts) return `A message may have at most ${mostParts} fields and components.`;
      }
    }
  }
  return undefined;
}

export function serializeMessage({ segments }: Message): string {
  return segments.map(({ text, end }) => text + end).join('');
}

/** Where lines end is looked for once each: a message has as many as results, and this is half of what reading it takes. */
function splitSegments(text: string): Segment[] {
  const segments: Segment[] = [];
  let [cr, lf] = [-1, -1];
  for (let at = 0; at < text.length;) {
    if (segments.length > mostSegments) {
      // Not looked into any more (sizeFault): kept as one.
      segments.push({ name: '', text: text.slice(at), end: '' });
      break;
    }
    if (cr < at) cr = indexOr(text, '\r', at);
    if (lf < at) lf = indexOr(text, '\n', at);
    const stop = Math.min(cr, lf);
    const next = Math.min(text.length, cr + 1 === lf ? lf + 1 : stop + 1);
    const line = text.slice(at, stop);
    segments.push({ name: nameOf(line), text: line, end: text.slice(stop, next) });
    at = next;
  }
  return segments;
}

function indexOr(text: string, wanted: string, from: number): number {
  const found = text.indexOf(wanted, from);
  return found < 0 ? text.length : found;
}

/** Three characters before one that is none of a name, the first of them a letter. */
function nameOf(line: string): string {
  const at = line.charCodeAt(0) === 0xfeff ? 1 : 0;
  const isName =
    isLetter(line.charCodeAt(at)) &&
    isNaming(line.charCodeAt(at + 1)) &&
    isNaming(line.charCodeAt(at + 2)) &&
    !isNaming(line.charCodeAt(at + 3));
  return isName ? line.slice(at, at + 3).toUpperCase() : '';
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function isNaming(code: number): boolean {
  return isLetter(code) || (code >= 0x30 && code <= 0x39);
}

/** §2.5.4: the character after the name separates fields, the four after it are ^~\& or what stands in their place. */
function delimitersOf(header: string): Pick<Message, 'delimiters' | 'problem'> {
  const at = header.search(/(?:MSH|FHS|BHS)/i) + 3;
  const field = header[at];
  if (field === undefined || /[A-Za-z0-9\s]/.test(field)) {
    throw new NoMessage(`MSH-1 must be the character that separates fields.`);
  }
  const encoding = header.slice(at + 1).split(field, 1)[0] ?? '';
  const [component, repetition, escape, subcomponent] = encoding;
  const { component: c, repetition: r, escape: e, subcomponent: s } = standardDelimiters;
  const chosen = {
    field,
    component: component ?? c,
    repetition: repetition ?? r,
    escape: escape ?? e,
    subcomponent: subcomponent ?? s,
  };
  if (new Set(Object.values(chosen)).size === 5) return { delimiters: chosen };
  return {
    delimiters: { ...standardDelimiters, field },
    problem: 'MSH-2 must be four characters that differ from each other and from MSH-1.',
  };
}

const headers: ReadonlySet<string> = new Set(['MSH', 'FHS', 'BHS']);

/** The fields of a segment by their numbers: [0] is the name. */
export function fieldsOf({ field }: Delimiters, segment: Segment): string[] {
  const parts = segment.text.split(field);
  return headers.has(segment.name) ? [parts[0] ?? '', field, ...parts.slice(1)] : parts;
}

/** Reads the fields of one segment; numbers are the standard's: from 1. */
export interface FieldReader {
  readonly name: string;
  /** Which of the segments of the message it is, from 0. */
  readonly index: number;
  /** The text of a field as it came. */
  raw(field: number): string;
  /** The repetitions of a field; none where it is empty. */
  repetitions(field: number): Repetition[];
  /** The first repetition. */
  first(field: number): Repetition;
  /** Text of a component of the first repetition: unescaped; '' where it is empty or null. */
  text(field: number, component?: number, subcomponent?: number): string;
  /** HL7's null: `""`. */
  isNull(field: number): boolean;
}

export interface Repetition {
  readonly raw: string;
  /** Unescaped, as FHIR can hold it; '' where it is empty, white space or null. */
  text(component?: number, subcomponent?: number): string;
  /** A component as it came. */
  part(component: number): string;
  /** Of all components: whether one says something. */
  readonly empty: boolean;
  readonly components: number;
}

export function readSegment(message: Message, index: number): FieldReader {
  const { delimiters, seen } = message;
  const segment = message.segments[index] ?? { name: '', text: '', end: '' };
  const fields = fieldsOf(delimiters, segment);
  const isHeader = /^(?:MSH|FHS|BHS)$/.test(segment.name);
  const textOf = (field: number): string => {
    seen?.(index, field);
    return fields[field] ?? '';
  };
  // A field is read some times over: its parts are found once.
  const known: Repetition[][] = [];
  const repetitions = (field: number): Repetition[] => {
    const raw = textOf(field);
    if (raw === '') return [];
    return (known[field] ??= (isHeader && field <= 2 ? [raw] : raw.split(delimiters.repetition)).map((part) =>
      repetitionOf(delimiters, part),
    ));
  };
  const first = (field: number): Repetition => repetitions(field)[0] ?? nothing;
  return {
    name: segment.name,
    index,
    raw: textOf,
    repetitions,
    first,
    text: (field, component, subcomponent) => first(field).text(component, subcomponent),
    isNull: (field) => textOf(field) === '""',
  };
}

const nothing: Repetition = { raw: '', components: 1, empty: true, part: () => '', text: () => '' };

function repetitionOf(delimiters: Delimiters, raw: string): Repetition {
  const components = raw.split(delimiters.component);
  return {
    raw,
    components: components.length,
    part: (component) => components[component - 1] ?? '',
    get empty() {
      return components.every((component) => component.split(delimiters.subcomponent).every((part) => isNothing(part)));
    },
    text: (component = 1, subcomponent = 1) => {
      const part = components[component - 1]?.split(delimiters.subcomponent)[subcomponent - 1] ?? '';
      return isNothing(part) ? '' : printable(unescapeText(part, delimiters));
    },
  };
}

/** FHIR's texts have no control characters but line ends and tabs, and are not white space alone. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.trim() === '' ? '' : text.replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/g, '');
}

function isNothing(part: string): boolean {
  return part === '' || part === '""';
}

/** All segments with content, in their order. */
export function readSegments(message: Message): FieldReader[] {
  return message.segments.flatMap(({ name }, index) => (name === '' ? [] : [readSegment(message, index)]));
}
