/** The top of the first page: letterhead, title and status, patient and order. */
import type { Fact } from '../model.ts';
import { drawCode } from './code.ts';
import { inner, type Place } from './place.ts';
import { area, ink, leftOf, line, rule, widthOf, wrap } from './sheet.ts';

const logoHeight = 46;
const codeSide = 62;

export function drawHead(place: Place): void {
  letterhead(place);
  titleBar(place);
  boxes(place);
}

function letterhead(place: Place): void {
  const { sheet, model } = place;
  const { name, lines, logo } = model.letterhead;
  const top = place.y;
  let from: number = inner.from;
  if (logo !== undefined) {
    const picture = sheet.document as unknown as { openImage(data: Buffer): { width: number; height: number } };
    const { width, height } = picture.openImage(logo.data);
    const shown = Math.min(120, (width / height) * logoHeight);
    sheet.document.image(logo.data, leftOf(sheet, from, shown), top, { fit: [shown, logoHeight] });
    from += shown + 12;
  }
  const width = inner.to - from - codeSide - 70;
  line(sheet, name, [from, top, width], { size: 15, bold: true });
  let y = top + 24;
  for (const text of lines.flatMap((one) => wrap(sheet, one, width, { size: 8 }))) {
    line(sheet, text, [from, y, width], { size: 8, colour: ink.quiet });
    y += 11;
  }
  const code = drawCode(place, [inner.to - codeSide, top - 6, codeSide]);
  place.y = Math.max(y, top + (logo === undefined ? 0 : logoHeight), code) + 8;
}

function titleBar(place: Place): void {
  const { sheet, model } = place;
  rule(sheet, place.y, [inner.from, inner.to], ink.text);
  place.y += 7;
  const status = model.status.text.join(' / ');
  const style = { size: 9, bold: true, colour: '#ffffff' };
  const width = widthOf(sheet, status, style) + 14;
  line(sheet, model.title.join(' / '), [inner.from, place.y, inner.width - width - 10], { size: 13, bold: true });
  const alarming = model.watermark !== undefined || model.status.code !== 'final';
  area(sheet, [inner.to - width, place.y + 1, width, 16], alarming ? ink.alarm : '#2b5f47');
  line(sheet, status, [inner.to - width, place.y + 3, width], { ...style, align: 'middle' });
  place.y += 24;
}

/** Patient and order beside each other. */
function boxes(place: Place): void {
  const { sheet, model } = place;
  const half = (inner.width - 12) / 2;
  const sides = [
    { facts: model.patient, from: inner.from },
    { facts: model.order, from: inner.from + half + 12 },
  ];
  const heights = sides.map(({ facts }) =>
    facts.reduce((all, fact) => all + factLines(place, fact, half).length * 13, 0),
  );
  const height = Math.max(...heights) + 12;
  for (const { facts, from } of sides) {
    area(sheet, [from, place.y, half, height], ink.band);
    let y = place.y + 6;
    for (const fact of facts) {
      const label = fact.name.join(' / ');
      line(sheet, label, [from + 8, y + 1.5, 108], { size: 7.5, colour: ink.quiet });
      for (const text of factLines(place, fact, half)) {
        line(sheet, text, [from + 120, y, half - 126], { size: 9, bold: fact === model.patient[0] });
        y += 13;
      }
    }
  }
  place.y += height + 8;
}

function factLines({ sheet, model }: Place, fact: Fact, half: number): string[] {
  const style = { size: 9, bold: fact === model.patient[0] };
  return wrap(sheet, fact.value, half - 126, style);
}
