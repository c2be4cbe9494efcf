/** Lines as a printer would have them: some say whose the results are, others are results. */
import type { Broken, Lines, Row } from './decoder.ts';

export function rowsOfLines({ each, row, ignored }: Lines, text: string): readonly Row[] | Broken {
  const rows: Row[] = [];
  let said: Row = {};
  for (const [at, line] of text.split(/\r\n|\r|\n/).entries()) {
    const common = each.map((pattern) => pattern.exec(line)?.groups).find((groups) => groups !== undefined);
    const result = common === undefined ? row.exec(line)?.groups : undefined;
    if (common !== undefined) said = { ...said, ...textsOf(common) };
    else if (result !== undefined) rows.push({ ...said, ...textsOf(result) });
    else if (line.trim() !== '' && !ignored.test(line)) return { problem: `Line ${at + 1} is no result.` };
  }
  return rows.length === 0 ? { problem: 'The text has no line with a result.' } : rows;
}

/** Without what was not found. */
function textsOf(groups: Readonly<{ [name: string]: string | undefined }>): Row {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  );
}
