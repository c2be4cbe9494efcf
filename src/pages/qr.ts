/** A QR code as a data: image that needs no script: dark modules on white in every colour scheme, as readers expect. */
import { create } from 'qrcode';

/** Light modules around the code (ISO/IEC 18004 asks for four). */
const margin = 4;

export function qrImage(text: string): string {
  const { size, data } = create(text, { errorCorrectionLevel: 'M' }).modules;
  const squares = [...data.keys()]
    .filter((at) => data[at])
    .map((at) => `M${(at % size) + margin} ${Math.floor(at / size) + margin}h1v1h-1z`);
  const side = size + 2 * margin;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${side}v${side}H0z"/><path d="${squares.join('')}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
