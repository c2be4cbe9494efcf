/** What stands below the results: the conclusion, who reviewed and released them, how to read them. */
import { inner, room, type Place } from './place.ts';
import { ink, line, wrap, type Style } from './sheet.ts';

export function drawPeople(place: Place): void {
  const { sheet, model } = place;
  if (model.conclusion !== undefined) {
    const { title, text } = model.conclusion;
    room(place, 34);
    place.y += 4;
    paragraph(place, title.join(' / '), { size: 9.5, bold: true });
    paragraph(place, text, { size: 9 });
    place.y += 4;
  }
  room(place, model.people.length * 13 + 12);
  place.y += 6;
  for (const { name, value } of model.people) {
    line(sheet, name.join(' / '), [inner.from, place.y + 1, 130], { size: 8, colour: ink.quiet });
    line(sheet, value, [inner.from + 135, place.y, inner.width - 135], { size: 9, bold: true });
    place.y += 13;
  }
  place.y += 6;
  for (const text of [...model.legend, ...model.footer]) paragraph(place, text, { size: 7.5, colour: ink.quiet });
}

function paragraph(place: Place, text: string, style: Style): void {
  for (const one of wrap(place.sheet, text, inner.width, style)) {
    room(place, style.size + 3);
    line(place.sheet, one, [inner.from, place.y, inner.width], style);
    place.y += style.size + 3;
  }
}
