/** A QR code as a data: image that needs no script: dark modules on white in every colour scheme, as readers expect. */
import { create } from 'qrcode';

/** Light modules around the code (ISO/IEC 18004 asks for four). */
const margin = 4;

/** The dark modules, from the left and from above, and how many modules a side has with its margin. */
export function qrModules(text: string): {
  readonly side: number;
  readonly dark: readonly (readonly [number, number])[];
} {
  const { size, data } = create(text, { errorCorrectionLevel: 'M' }).modules;
  const dark = [...data.keys()]
    .filter((at) => data[at])
    .map((at) => [(at % size) + margin, Math.floor(at / size) + margin] as const);
  return { side: size + 2 * margin, dark };
}

export function qrImage(text: string): string {
  const { side, dark } = qrModules(text);
  const squares = dark.map(([x, y]) => `M${x} ${y}h1v1h-1z`);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${side}v${side}H0z"/><path d="${squares.join('')}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
