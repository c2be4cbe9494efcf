/**
 * Labels as PDF, a page each. The fonts that every reader of PDF has know the Latin script only: a name in another is told by
 * the identifier.
 */
import PDFDocument from 'pdfkit';
import { labelSize, type Label } from './label.ts';
import { barcodePng } from './png.ts';

/** Points a millimetre. */
const points = 72 / 25.4;

export async function labelsPdf(labels: readonly Label[]): Promise<Buffer> {
  const size: [number, number] = [labelSize.width * points, labelSize.height * points];
  const document = new PDFDocument({ size, margin: 0, autoFirstPage: false, info: { Title: 'Labels' } });
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.on('end', resolve);
    document.on('error', reject);
  });
  for (const label of labels) {
    const symbol = await barcodePng(label, false);
    document.addPage({ size, margin: 0 });
    draw(document, label, symbol);
  }
  document.end();
  await ended;
  return Buffer.concat(chunks);
}

function draw(document: PDFKit.PDFDocument, label: Label, symbol: Buffer): void {
  const width = (labelSize.width - 4) * points;
  const text = (value: string, [x, y]: readonly [number, number], fontSize: number, bold = false): void => {
    document.font(bold ? 'Helvetica-Bold' : 'Helvetica').fontSize(fontSize);
    document.text(latin(value), x * points, y * points, { width, height: fontSize, lineBreak: false, ellipsis: true });
  };
  text(isLatin(label.name) ? label.name : label.identifier, [2, 1], 8, true);
  text(`${label.birthAndSex} ${isLatin(label.name) ? label.identifier : ''}`.trim(), [2, 4.5], 6);
  if (label.symbology === 'code128') {
    document.image(symbol, 2 * points, 7.5 * points, { width, height: 10 * points });
    text(label.number, [2, 18], 8, true);
  } else {
    document.image(symbol, 2 * points, 7.5 * points, { height: 12 * points });
    text(label.number, [18, 11], 10, true);
  }
  text(`${label.container}  ${label.tests}`.trim(), [2, 21.5], 6);
  if (label.urgent) text('!', [46, 1], 14, true);
}

function isLatin(text: string): boolean {
  return text !== '' && [...text].every((character) => (character.codePointAt(0) ?? 0) < 0x100);
}

function latin(text: string): string {
  return [...text].map((character) => ((character.codePointAt(0) ?? 0) < 0x100 ? character : '?')).join('');
}
