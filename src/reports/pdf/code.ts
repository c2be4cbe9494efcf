/** The code that leads to the page that tells whether the report is valid, drawn as squares: no picture, no font. */
import { qrModules } from '../../pages/qr.ts';
import type { Place } from './place.ts';
import { ink, leftOf, line } from './sheet.ts';

/** Returns the lower edge. */
export function drawCode({ sheet, model }: Place, [x, y, side]: readonly [number, number, number]): number {
  if (model.verify === undefined) return y;
  const { document } = sheet;
  const code = qrModules(model.verify.address);
  const size = side / code.side;
  const left = leftOf(sheet, x, side);
  for (const [column, row] of code.dark) document.rect(left + column * size, y + row * size, size, size);
  document.fill('#000000');
  document.link(left, y, side, side, model.verify.address);
  line(sheet, model.verify.told[0] ?? '', [x - 60, y + side - 2, side + 60], {
    size: 6.5,
    colour: ink.quiet,
    align: 'end',
  });
  return y + side + 8;
}
