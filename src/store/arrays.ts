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

/**
 * The same of long texts, in PostgreSQL's binary form: as text each quote of a JSON text is escaped here and read there character
 * by character.
 */
export function textArray(values: readonly (string | null | undefined)[]): Buffer {
  const lengths = values.map((value) => (value == null ? -1 : Buffer.byteLength(value)));
  const bytes = Buffer.allocUnsafe(
    lengths.reduce((sum, length) => sum + 4 + Math.max(0, length), values.length > 0 ? 20 : 12),
  );
  // Dimensions, whether there are nulls, the type `text`; of the one dimension its length and where it begins.
  const head = values.length > 0 ? [1, 1, textType, values.length, 1] : [0, 0, textType];
  let at = head.reduce((place, value) => bytes.writeInt32BE(value, place), 0);
  values.forEach((value, i) => {
    at = bytes.writeInt32BE(lengths[i] ?? -1, at);
    if (value != null) at += bytes.write(value, at);
  });
  return bytes;
}

/** pg_type.oid */
const textType = 25;

function arrayElement(value: unknown): string {
  if (value === null || value === undefined) {
    return 'NULL';
  }
  if (typeof value !== 'string') {
    return String(value);
  }
  return `"${/["\\]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"') : value}"`;
}
