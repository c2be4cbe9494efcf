/** The certificate that a laboratory was deleted: what there was, that nothing is left of it, and what remains. Pure. */
import type { Departure } from '../store/departures.ts';

export interface Counts {
  /** Rows by table, every table that the catalogue of PostgreSQL knows. */
  readonly tables: Readonly<Record<string, number>>;
  readonly files: number;
}

export interface Certificate {
  readonly format: 'makhbar-deletion-certificate/1';
  readonly laboratory: string;
  /** Its number on this server, which is never given again. */
  readonly number: number;
  readonly announced: string;
  readonly announcedBy: string;
  readonly windowEnded: string;
  readonly completed: string;
  readonly rows: Readonly<Record<string, { readonly before: number; readonly after: number }>>;
  readonly files: { readonly before: number; readonly after: number };
  readonly statement: string;
  readonly remains: readonly string[];
  /** Thumbprint of the key that signs it. */
  readonly key: string;
}

const remains = [
  'This certificate, with the name of the laboratory, its number on the server, and who announced its departure and when.',
  'Copies that were made before: backups of the database hold the rows until they expire, by the rule of whoever keeps them. Files, attachments and secrets in backups of the file store cannot be opened: their keys were deleted; a backup of the database of before holds these keys in wrapped form, until it expires too.',
  'What left the server before: packages and exports that were fetched, messages that were delivered, seals and events that were sent to other systems.',
];

export function certificateOf(departure: Departure, before: Counts, after: Counts, key: string): Certificate {
  const { laboratory: number, name, asked, by, windowEnds } = departure;
  const tables = [...new Set([...Object.keys(before.tables), ...Object.keys(after.tables)])].sort();
  return {
    format: 'makhbar-deletion-certificate/1',
    laboratory: name,
    number,
    announced: asked,
    announcedBy: by,
    windowEnded: windowEnds,
    completed: new Date().toISOString(),
    rows: Object.fromEntries(
      tables.map((table) => [table, { before: before.tables[table] ?? 0, after: after.tables[table] ?? 0 }]),
    ),
    files: { before: before.files, after: after.files },
    statement:
      'All rows, versions, index entries, queues, messages, keys and files of the laboratory were deleted; no table of the database has a row of it.',
    remains,
    key,
  };
}
