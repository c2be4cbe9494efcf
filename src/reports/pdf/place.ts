/** Where on which page the next thing is drawn. */
import type { ReportModel } from '../model.ts';
import { ink, line, paper, rule, widthOf, type Sheet, type Style } from './sheet.ts';

export interface Place {
  readonly sheet: Sheet;
  readonly model: ReportModel;
  /** Top of what comes next, from the top of the page. */
  y: number;
}

export const inner = { from: paper.side, to: paper.width - paper.side, width: paper.width - 2 * paper.side } as const;

const bottom = paper.height - paper.bottom;

export function beginPage(place: Place): void {
  const { sheet, model } = place;
  const again = place.y > 0;
  sheet.document.addPage();
  watermark(place);
  place.y = paper.top;
  if (!again) return;
  const style: Style = { size: 8, colour: ink.quiet };
  const who = model.patient.slice(0, 2).map(({ value }) => value);
  line(
    sheet,
    [...who, ...model.patient.slice(3).map(({ value }) => value)].join('  ·  '),
    [inner.from, place.y, inner.width],
    style,
  );
  line(sheet, model.letterhead.name, [inner.from, place.y, inner.width], { ...style, align: 'end' });
  rule(sheet, place.y + 14, [inner.from, inner.to]);
  place.y += 22;
}

/** Begins a page where `height` has no room on this one. */
export function room(place: Place, height: number): boolean {
  if (place.y + height <= bottom) return false;
  beginPage(place);
  return true;
}

function watermark({ sheet, model }: Place): void {
  if (model.watermark === undefined) return;
  const { document } = sheet;
  const text = model.watermark;
  const size = Math.min(96, (96 * 520) / Math.max(1, widthOf(sheet, text, { size: 96, bold: true })));
  const middle = { x: paper.width / 2, y: paper.height / 2 };
  document.save();
  document.rotate(-38, { origin: [middle.x, middle.y] });
  line(sheet, text, [0, middle.y - size / 2, paper.width], { size, bold: true, colour: ink.mark, align: 'middle' });
  document.restore();
}
