/**
 * Decoders: what devices send that do not speak LIS02-A2 is read as rows of named values, and templates of the driver make
 * records of them. Pure.
 *
 * In a template `{name}` is a value of the row, escaped; the templates of `head` and `tail` see the first row.
 */
import { escapeText, standardDelimiters } from '../record.ts';

export type Row = Readonly<{ [name: string]: string }>;

export interface Templates {
  /** Before the rows. */
  readonly head: readonly string[];
  /** For each row. */
  readonly row: readonly string[];
  /** After them. */
  readonly tail: readonly string[];
  /** Before the templates are filled. */
  readonly replace: readonly { readonly name: string; readonly matches: RegExp; readonly by: string }[];
}

/** `a|b|c` with a first line that names the columns, or with names that the driver gives. */
export interface Table {
  readonly kind: 'table';
  readonly separator: string;
  /** Undefined: the first line. */
  readonly columns: readonly string[] | undefined;
}

/** `mtXYZ|idS1|`: values that begin with their name, of a fixed length. */
export interface Tagged {
  readonly kind: 'tagged';
  readonly separator: string;
  readonly tagLength: number;
  /** What may stand around each value. */
  readonly strip: RegExp;
}

/** Lines: what `each` finds is said of all lines that follow, what `row` finds is a row. Both have named groups. */
export interface Lines {
  readonly kind: 'lines';
  readonly each: readonly RegExp[];
  readonly row: RegExp;
  /** Lines that say nothing; any other line is a broken one. */
  readonly ignored: RegExp;
}

/** HL7 v2 in the frames of ASTM: needs no templates. */
export interface Hl7 {
  readonly kind: 'hl7v2';
}

export type Format = Table | Tagged | Lines;
export type DecoderSettings = Hl7 | (Format & { readonly templates: Templates });

/** What could not be read, and where. */
export interface Broken {
  readonly problem: string;
}

/** Text of records, each with its CR. */
export function recordsFrom(rows: readonly Row[], { head, row, tail, replace }: Templates): string {
  const read = rows.map((one) => replaced(one, replace));
  const [first = {}] = read;
  const records = [
    ...head.map((template) => filled(template, first)),
    ...read.flatMap((one) => row.map((template) => filled(template, one))),
    ...tail.map((template) => filled(template, first)),
  ];
  return records.map((record) => `${record}\r`).join('');
}

function replaced(row: Row, replace: Templates['replace']): Row {
  const changed: { [name: string]: string } = { ...row };
  for (const { name, matches, by } of replace) changed[name] = (changed[name] ?? '').replace(matches, by);
  return changed;
}

function filled(template: string, row: Row): string {
  return template.replaceAll(/\{([A-Za-z][\w ]*)\}/g, (_, name: string) =>
    escapeText((row[name] ?? '').trim(), standardDelimiters),
  );
}
