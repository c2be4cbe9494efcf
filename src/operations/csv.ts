/** A table as CSV (RFC 4180) that spreadsheets open as it is meant. */

/**
 * A spreadsheet takes what begins with = + - @ (or their full-width forms, or a tab) for a formula, and passes over blanks
 * before them: a name must not become one.
 */
export function csvCell(text: string): string {
  const harmless = /^\s*[=+\-@\t\r＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** Without it a spreadsheet reads Arabic as Windows-1252. */
export const byteOrderMark = '\uFEFF';

export type CsvLine = Readonly<Record<string, string | number | undefined>>;

export function csvRow(columns: readonly string[], line: CsvLine): string {
  return `${columns.map((column) => csvCell(String(line[column] ?? ''))).join(',')}\r\n`;
}

export function csvText(columns: readonly string[], lines: readonly CsvLine[]): string {
  return `${byteOrderMark}${columns.join(',')}\r\n${lines.map((line) => csvRow(columns, line)).join('')}`;
}
