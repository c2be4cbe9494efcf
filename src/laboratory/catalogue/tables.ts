/** The tables of the seed by their names, and reading them. */
import { readTable, type Row } from './table.ts';

export const tableNames = [
  'analytes',
  'breakpoints',
  'calculations',
  'comments',
  'containers',
  'drugs',
  'intervals',
  'organisms',
  'panels',
  'questionnaires',
  'resistances',
  'rules',
  'sections',
  'sources',
  'tests',
  'values',
] as const;

export type TableName = (typeof tableNames)[number];

export type Tables = Readonly<Record<TableName, readonly Row[]>>;

/** `text` gives what stands in the file of a table. */
export function readTables(text: (name: TableName) => string): Tables {
  return Object.fromEntries(tableNames.map((name) => [name, readTable(name, text(name))])) as unknown as Tables;
}
