/** A table of the seed: a line of column names, then rows; columns are separated by semicolons, nothing is quoted. */
export type Row = Readonly<Record<string, string>>;

/** @throws Error for a row with more or fewer columns than the first line. */
export function readTable(name: string, text: string): Row[] {
  const [head = '', ...lines] = text.split('\n').filter((line) => line !== '');
  const columns = head.split(';');
  return lines.map((line, i) => {
    const values = line.split(';');
    if (values.length !== columns.length) {
      throw new Error(`${name}, line ${i + 2}: ${values.length} columns instead of ${columns.length}.`);
    }
    return Object.fromEntries(columns.map((column, at) => [column, values[at] ?? '']));
  });
}

/** A value of a row; @throws Error where there is no such column. */
export function cell(row: Row, column: string): string {
  const value = row[column];
  if (value === undefined) throw new Error(`A table has no column ${column}.`);
  return value;
}

/** `1..5`, `..5`, `1..` */
export function bounds(text: string): { low?: number; high?: number } | undefined {
  if (text === '') return undefined;
  const [low = '', high = ''] = text.split('..');
  return { ...(low !== '' && { low: Number(low) }), ...(high !== '' && { high: Number(high) }) };
}
