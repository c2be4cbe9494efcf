/** Lines of values, as CSV (RFC 4180: quotes, and doubled ones within) with any separator. */
import type { Broken, Row, Table } from './decoder.ts';

export function rowsOfTable({ separator, columns }: Table, text: string): readonly Row[] | Broken {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  const filledLines = lines.map((line, at) => ({ line, number: at + 1 })).filter(({ line }) => line.trim() !== '');
  const [first, ...others] = filledLines;
  if (first === undefined) return { problem: 'The file has no lines.' };
  const names = columns ?? valuesOf(first.line, separator)?.map((name) => name.trim());
  if (names === undefined) return { problem: `Line ${first.number} has a quote that does not end.` };
  const rows: Row[] = [];
  for (const { line, number } of columns === undefined ? others : filledLines) {
    const values = valuesOf(line, separator);
    if (values === undefined) return { problem: `Line ${number} has a quote that does not end.` };
    if (values.length !== names.length) {
      return { problem: `Line ${number} has ${values.length} values; there are ${names.length} columns.` };
    }
    rows.push(Object.fromEntries(names.map((name, at) => [name, values[at] ?? ''])));
  }
  return rows.length === 0 ? { problem: 'The file has no line with a result.' } : rows;
}

/** Undefined where a quote does not end. */
function valuesOf(line: string, separator: string): string[] | undefined {
  const values: string[] = [];
  let at = 0;
  for (;;) {
    const quoted = line[at] === '"';
    const end = quoted ? quoteEnd(line, at) : endOf(line, separator, at);
    if (end === undefined) return undefined;
    values.push(quoted ? line.slice(at + 1, end - 1).replaceAll('""', '"') : line.slice(at, end));
    const next = quoted ? endOf(line, separator, end) : end;
    if (next >= line.length) return values;
    at = next + separator.length;
  }
}

function endOf(line: string, separator: string, from: number): number {
  const end = line.indexOf(separator, from);
  return end < 0 ? line.length : end;
}

/** Behind the quote that ends. */
function quoteEnd(line: string, from: number): number | undefined {
  for (let at = from + 1; at < line.length; at++) {
    if (line[at] !== '"') continue;
    if (line[at + 1] !== '"') return at + 1;
    at++;
  }
  return undefined;
}
