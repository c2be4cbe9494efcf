/** Formats of devices that send no records: one line each. */
import { recordsFrom, type Broken, type DecoderSettings, type Format, type Row } from './decoder.ts';
import { recordsOfHl7 } from './hl7.ts';
import { rowsOfLines } from './lines.ts';
import { rowsOfTable } from './table.ts';
import { rowsOfTagged } from './tagged.ts';

const formats: {
  readonly [Kind in Format['kind']]: (format: Format & { kind: Kind }, text: string) => readonly Row[] | Broken;
} = {
  table: rowsOfTable,
  tagged: rowsOfTagged,
  lines: rowsOfLines,
};

/** Text of records, or why there are none. */
export function decoded(settings: DecoderSettings, text: string): string | Broken {
  if (settings.kind === 'hl7v2') return recordsOfHl7(text);
  const read = formats[settings.kind] as (format: Format, text: string) => readonly Row[] | Broken;
  const rows = read(settings, text);
  return 'problem' in rows ? rows : recordsFrom(rows, settings.templates);
}
