/** The bar code of a label as PNG, with the number below it. */
import bwip from 'bwip-js';
import type { Label, Symbology } from './label.ts';

const heights: Readonly<Record<Symbology, number>> = { code128: 12, datamatrix: 12 };

export function barcodePng(
  { number, symbology }: Pick<Label, 'number' | 'symbology'>,
  includetext = true,
): Promise<Buffer> {
  return bwip.toBuffer({
    bcid: symbology,
    text: number,
    scale: 3,
    height: heights[symbology],
    ...(symbology === 'datamatrix' && { width: heights.datamatrix }),
    includetext,
    textxalign: 'center',
    paddingwidth: 4,
    paddingheight: 2,
    backgroundcolor: 'FFFFFF',
  });
}
