/** The specimens that were examined, with their times. */
import { inner, room, type Place } from './place.ts';
import { ink, line, rule, wrap } from './sheet.ts';

const shares = [0.2, 0.36, 0.22, 0.22];

export function drawSpecimens(place: Place): void {
  const { sheet, model } = place;
  const { heads, rows } = model.specimens;
  if (rows.length === 0) return;
  const columns = shares.map((share, at) => ({
    from: inner.from + inner.width * shares.slice(0, at).reduce((all, one) => all + one, 0),
    width: inner.width * share - 6,
  }));
  const draw = (cells: readonly string[], style: { size: number; colour?: string }): void => {
    const wrapped = cells.map((cell, at) => wrap(sheet, cell, columns[at]?.width ?? 0, style));
    const lines = Math.max(1, ...wrapped.map(({ length }) => length));
    room(place, lines * 11);
    wrapped.forEach((texts, at) => {
      const { from, width } = columns[at] ?? { from: 0, width: 0 };
      texts.forEach((text, row) => {
        line(sheet, text, [from, place.y + row * 11, width], style);
      });
    });
    place.y += lines * 11 + 1;
  };
  draw(
    heads.map((head, at) =>
      at === 0 ? [model.specimens.title, head].map((one) => one[0] ?? '').join(': ') : head.join(' / '),
    ),
    { size: 7.5, colour: ink.quiet },
  );
  for (const row of rows) draw(row, { size: 8.5 });
  rule(sheet, place.y + 2, [inner.from, inner.to]);
  place.y += 10;
}
