/**
 * Many rows as parameters of one statement: an array for each column, read side by side.
 */
export function unnest(first: number, columns: readonly { name: string; type: string }[]): string {
  const arrays = columns.map((column, i) => `$${first + i}::${column.type}[]`).join(', ');
  return `unnest(${arrays}) as u(${columns.map((column) => column.name).join(', ')})`;
}

/** A PostgreSQL array as text; made here because the driver quotes numbers and tests each value's kind. */
export function arrayLiteral(values: readonly unknown[]): string {
  return `{${values.map(arrayElement).join(',')}}`;
}

function arrayElement(value: unknown): string {
  if (value === null || value === undefined) {
    return 'NULL';
  }
  if (typeof value !== 'string') {
    return String(value);
  }
  return `"${/["\\]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"') : value}"`;
}
