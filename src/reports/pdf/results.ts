/** Results by section, in columns; a row stays together, and heads stand again on each page. */
import type { ReportModel, ReportSection, Row } from '../model.ts';
import { fromLeft } from '../written.ts';
import { inner, room, type Place } from './place.ts';
import { area, ink, line, rule, wrap, type Style } from './sheet.ts';
import { drawTrend } from './trend.ts';

const shares = { name: 3.1, result: 1.6, flag: 0.65, unit: 1.15, interval: 1.6, previous: 1.75, trend: 1.05 } as const;

interface ColumnPlace {
  readonly column: keyof typeof shares;
  readonly from: number;
  readonly width: number;
}

interface Cell {
  readonly at: ColumnPlace;
  readonly lines: readonly { readonly text: string; readonly style: Style }[];
}

const gap = 6;
const lineHeight = 11.5;

export function drawResults(place: Place): void {
  const columns = columnPlaces(place.model);
  place.model.sections.forEach((section, at) => {
    const [first] = section.rows;
    // A title never stands alone at the end of a page.
    const least = (at === 0 ? 18 : 0) + 20 + (first === undefined ? 0 : heightOf(place, first, columns));
    if (room(place, least) || at === 0) heads(place, columns);
    title(place, section);
    for (const row of section.rows) drawRow(place, row, columns);
    place.y += 4;
  });
}

function columnPlaces({ columns }: ReportModel): ColumnPlace[] {
  const whole = columns.reduce((all, { column }) => all + shares[column], 0);
  let from: number = inner.from;
  return columns.map(({ column }) => {
    const width = (inner.width * shares[column]) / whole;
    const own = { column, from, width: width - gap };
    from += width;
    return own;
  });
}

function heads(place: Place, columns: readonly ColumnPlace[]): void {
  const { sheet, model } = place;
  const style: Style = { size: 7.5, colour: ink.quiet };
  const wrapped = columns.map((at, index) =>
    (model.columns[index]?.title ?? []).flatMap((text) => wrap(sheet, text, at.width, style)),
  );
  const lines = Math.max(...wrapped.map(({ length }) => length));
  wrapped.forEach((texts, index) => {
    const { from, width } = columns[index] as ColumnPlace;
    texts.forEach((text, at) => {
      line(sheet, text, [from, place.y + at * 9.5, width], style);
    });
  });
  place.y += lines * 9.5 + 3;
  rule(sheet, place.y, [inner.from, inner.to], ink.text);
  place.y += 4;
}

function title(place: Place, section: ReportSection): void {
  area(place.sheet, [inner.from, place.y, inner.width, 15], ink.band);
  line(place.sheet, section.title.join(' / '), [inner.from + 5, place.y + 1.5, inner.width - 10], {
    size: 9.5,
    bold: true,
  });
  place.y += 18;
}

function drawRow(place: Place, row: Row, columns: readonly ColumnPlace[]): void {
  const { sheet } = place;
  if (room(place, heightOf(place, row, columns))) heads(place, columns);
  const cells = cellsOf(place, row, columns);
  for (const { at, lines } of cells) {
    lines.forEach(({ text, style }, index) => {
      line(sheet, text, [at.from, place.y + index * lineHeight, at.width], style);
    });
  }
  const chart = columns.find(({ column }) => column === 'trend');
  if (chart !== undefined && row.trend.length > 0) drawTrend(sheet, row, [chart.from, place.y + 1, chart.width, 13]);
  place.y += cellsHeight(row, cells);
  for (const { text, style } of notesOf(place, row)) {
    line(sheet, text, [inner.from + indent(row) + 10, place.y - 1, inner.width - 20], style);
    place.y += 10.5;
  }
  place.y += 2;
  rule(sheet, place.y, [inner.from, inner.to]);
  place.y += 3;
}

function indent({ level }: Row): number {
  return level * 10;
}

function cellsHeight(row: Row, cells: readonly Cell[]): number {
  return Math.max(row.trend.length > 0 ? 16 : 0, ...cells.map(({ lines }) => lines.length * lineHeight)) + 1;
}

function heightOf(place: Place, row: Row, columns: readonly ColumnPlace[]): number {
  return cellsHeight(row, cellsOf(place, row, columns)) + notesOf(place, row).length * 10.5 + 5;
}

function notesOf({ sheet }: Place, row: Row): { text: string; style: Style }[] {
  return row.notes.flatMap(({ kind, text }) => {
    const alarming = kind === 'corrected' || kind === 'withdrawn';
    const style: Style = { size: 8, colour: alarming ? ink.alarm : ink.quiet, bold: alarming };
    return wrap(sheet, text, inner.width - 20 - indent(row), style).map((one) => ({ text: one, style }));
  });
}

function cellsOf({ sheet }: Place, row: Row, columns: readonly ColumnPlace[]): Cell[] {
  const colour = row.critical ? ink.alarm : ink.text;
  const strong = row.flag !== undefined;
  return columns.map((at) => {
    const own = at.column === 'name' ? { ...at, from: at.from + indent(row), width: at.width - indent(row) } : at;
    const lines = textsOf(row, at.column).flatMap(({ text, style }) => {
      const whole: Style = {
        size: 9,
        ...(strong && ['result', 'flag'].includes(at.column) && { bold: true, colour }),
        ...style,
      };
      return wrap(sheet, text, own.width, whole).map((one) => ({ text: one, style: whole }));
    });
    return { at: own, lines };
  });
}

function textsOf(row: Row, column: keyof typeof shares): { text: string; style?: Partial<Style> }[] {
  const quiet = { size: 8, colour: ink.quiet };
  switch (column) {
    case 'name':
      return row.name.map((text, at) => ({ text, style: at === 0 ? {} : quiet }));
    case 'result':
      return row.value.map((text, at) => ({ text, style: at === 0 ? {} : { size: 8 } }));
    case 'flag':
      return row.flag === undefined ? [] : [{ text: fromLeft(row.critical ? `${row.flag} !` : row.flag) }];
    case 'unit':
      return [{ text: row.unit, style: { size: 8.5 } }];
    case 'interval':
      return row.interval.map((text) => ({ text, style: { size: 8.5 } }));
    case 'previous':
      return row.previous === undefined
        ? []
        : [
            { text: row.previous.value, style: { size: 8.5 } },
            { text: row.previous.at, style: { size: 7.5, colour: ink.quiet } },
          ];
    case 'trend':
      return [];
  }
}
