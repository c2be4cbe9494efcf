/** A small chart of earlier results, from the oldest to this one, over the band of the reference interval. */
import type { Row } from '../model.ts';
import { ink, leftOf, type Sheet } from './sheet.ts';

export function drawTrend(
  sheet: Sheet,
  { trend, bounds, flag, critical }: Pick<Row, 'trend' | 'bounds' | 'flag' | 'critical'>,
  [x, y, width, height]: readonly [number, number, number, number],
): void {
  const { document } = sheet;
  const { low, high } = bounds;
  const all = [...trend, ...[low, high].filter((one) => one !== undefined)];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const span = most - least || 1;
  // Time goes from the left to the right in every language.
  const left = leftOf(sheet, x, width);
  const up = (value: number): number => y + height - ((value - least) / span) * height;
  const along = (at: number): number => left + 2 + (at / (trend.length - 1)) * (width - 6);
  const [top, base] = [up(high ?? most), up(low ?? least)];
  if (low !== undefined || high !== undefined)
    document.rect(left, top, width - 2, Math.max(0.5, base - top)).fill('#dfe9e3');
  document.lineWidth(0.8);
  trend.forEach((value, at) => {
    if (at === 0) document.moveTo(along(at), up(value));
    else document.lineTo(along(at), up(value));
  });
  document.stroke(ink.quiet);
  const last = trend.at(-1) ?? 0;
  document.circle(along(trend.length - 1), up(last), 1.8).fill(critical || flag !== undefined ? ink.alarm : ink.text);
}
