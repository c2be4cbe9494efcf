/**
 * Records of CLSI LIS02-A2 (ASTM E1394): text in fields, repeats and components. Pure, and lossless: what was read is written
 * again byte by byte, whatever it holds.
 *
 * 1. The delimiters are those of the H record (§5.4.1): field, repeat, component, escape, at its second to fifth character.
 *    A record before any H is read with the last ones that were known.
 * 2. Records end with CR; LF and CR LF are taken too. Lines that are no record (blank, comments) are kept and not read.
 * 3. Escapes (§5.4.3): F S R E for the delimiters, X for bytes in hexadecimal; H and N (highlighting) mean nothing here.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';

export interface Delimiters {
  readonly field: string;
  readonly repeat: string;
  readonly component: string;
  readonly escape: string;
}

export const standardDelimiters: Delimiters = { field: '|', repeat: '\\', component: '^', escape: '&' };

export interface Record {
  /** H P O R C Q M S L, or a letter that is the sender's own. */
  readonly type: string;
  /** As it came, without its end. */
  readonly text: string;
  /** Fields as they came; the first is the type: what the standard calls .3 is at 2. */
  readonly fields: readonly string[];
  readonly delimiters: Delimiters;
}

export interface Records {
  readonly records: readonly Record[];
  /** All of it, records and what is none, with their ends. */
  readonly lines: readonly string[];
  /** As iconv-lite names it. */
  readonly charset: string;
}

/** @param charset of the interface, for iconv-lite; bytes that are UTF-8 are read as that */
export function readRecords(content: Buffer, charset = 'utf-8'): Records {
  const used = charsetOf(content, charset);
  const text = iconv.decode(content, used, { stripBOM: false });
  const lines = text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? [];
  let delimiters = standardDelimiters;
  const records: Record[] = [];
  for (const line of lines) {
    // NULs are what a device fills its buffer with; no text of ours may hold them.
    const record = line
      .replaceAll('\0', '')
      .replace(/[\r\n]+$/, '')
      .replace(/^[\s\uFEFF]+/, '');
    if (!/^[A-Z](?![A-Za-z0-9 ])/.test(record)) continue;
    if (record.startsWith('H')) delimiters = delimitersOf(record);
    records.push({ type: record[0] ?? '', text: record, fields: fieldsOf(record, delimiters), delimiters });
  }
  return { records, lines, charset: used };
}

/** A set that has a character for each byte is the last resort: nothing is replaced. */
function charsetOf(content: Buffer, charset: string): string {
  if (isAscii(content) || isUtf8(content)) return 'utf-8';
  const read = iconv.decode(content, charset, { stripBOM: false });
  return iconv.encode(read, charset, { addBOM: false }).equals(content) ? charset : 'iso-8859-1';
}

/** The bytes that were read. */
export function writeRecords({ lines, charset }: Pick<Records, 'lines' | 'charset'>): Buffer {
  return iconv.encode(lines.join(''), charset, { addBOM: false });
}

function fieldsOf(text: string, { field }: Delimiters): string[] {
  return text.split(field);
}

/** A header that doubles its repeat delimiter, as some write the backslash, means it once. */
function delimitersOf(header: string): Delimiters {
  const field = header[1] ?? standardDelimiters.field;
  const written = header.slice(2).split(field)[0] ?? '';
  const [repeat, component, escape] = written.length === 4 && written[0] === written[1] ? written.slice(1) : written;
  return {
    field,
    repeat: repeat ?? standardDelimiters.repeat,
    component: component ?? standardDelimiters.component,
    escape: escape ?? standardDelimiters.escape,
  };
}

/**
 * A field by its number in the standard: R.4 is `fieldOf(record, 4)`; '' where it is not there.
 * In H the first delimiter is the field .2, as in HL7.
 */
export function fieldOf(record: Record, number: number): string {
  return record.fields[number - 1] ?? '';
}

export function repeatsOf({ delimiters }: Record, field: string): string[] {
  return field === '' ? [] : field.split(delimiters.repeat);
}

/** Components of one repeat, their escapes resolved and blanks around them taken off. */
export function componentsOf({ delimiters }: Record, repeat: string): string[] {
  return repeat.split(delimiters.component).map((one) => unescape(one, delimiters).trim());
}

/** Components of the first repeat of a field. */
export function componentsAt(record: Record, number: number): string[] {
  const [first = ''] = repeatsOf(record, fieldOf(record, number));
  return componentsOf(record, first);
}

/** The whole field as text: escapes resolved, blanks around it taken off. */
export function textAt(record: Record, number: number): string {
  return unescape(fieldOf(record, number), record.delimiters).trim();
}

export function unescape(text: string, { field, repeat, component, escape }: Delimiters): string {
  if (!text.includes(escape)) return text;
  const quoted = escape.replace(/[\\^$.*+?()[\]{}|/]/, String.raw`\$&`);
  return text.replaceAll(new RegExp(`${quoted}([FSREHN]|X(?:[0-9A-Fa-f]{2})+)${quoted}`, 'g'), (_, code: string) => {
    if (code.startsWith('X')) return Buffer.from(code.slice(1), 'hex').toString('latin1');
    return { F: field, S: component, R: repeat, E: escape }[code] ?? '';
  });
}

/** A value for a field: delimiters and controls that it holds are escaped. */
export function escapeText(text: string, { field, repeat, component, escape }: Delimiters): string {
  const codes = new Map([
    [escape, 'E'],
    [field, 'F'],
    [component, 'S'],
    [repeat, 'R'],
  ]);
  let written = '';
  for (const character of text) {
    const code = codes.get(character);
    const isControl = character < ' ';
    if (code !== undefined) written += `${escape}${code}${escape}`;
    else if (isControl) written += `${escape}X${hex(character)}${escape}`;
    else written += character;
  }
  return written;
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).padStart(2, '0').toUpperCase();
}

/** A record of these fields, without what is empty at its end. @param fields each escaped and joined already */
export function recordText(type: string, fields: readonly string[], { field }: Delimiters): string {
  return [type, ...fields].join(field).replace(new RegExp(`[${field === '^' ? '\\^' : field}]+$`), '');
}
