/** The foot of each page, once it is known how many there are. */
import { pageText } from '../model.ts';
import { inner, type Place } from './place.ts';
import { ink, line, paper, rule } from './sheet.ts';

export function drawFeet({ sheet, model }: Place): void {
  const { start, count } = sheet.document.bufferedPageRange();
  const y = paper.height - 40;
  for (let page = 0; page < count; page++) {
    sheet.document.switchToPage(start + page);
    rule(sheet, y, [inner.from, inner.to]);
    const style = { size: 7.5, colour: ink.quiet };
    line(sheet, `${model.letterhead.name} · ${model.identity}`, [inner.from, y + 5, inner.width - 120], style);
    line(sheet, pageText(model, page + 1, count), [inner.from, y + 5, inner.width], { ...style, align: 'end' });
  }
}
