/**
 * Paper to draw on: text in mixed scripts, lines and areas, in millimetres of PDF's points, mirrored where the language is
 * read from the right: `x` is measured from the edge where lines begin.
 */
import PDFDocument from 'pdfkit';
import { fontOf, nameGlyphs, registerFonts, shaperOf, type FontName } from './fonts.ts';
import { runsOf, type Run } from './runs.ts';

export interface Style {
  readonly size: number;
  readonly bold?: boolean;
  readonly colour?: string;
  readonly align?: 'start' | 'middle' | 'end';
}

export interface Sheet {
  readonly document: PDFKit.PDFDocument;
  readonly direction: 'ltr' | 'rtl';
  readonly measured: Map<string, readonly Measured[]>;
}

interface Measured {
  readonly font: FontName;
  readonly text: string;
  readonly width: number;
  /** As it is read, where the glyphs do not tell: letters of the font share shapes, and dots are glyphs of their own. */
  readonly actual?: string;
}

export const paper = { width: 595.28, height: 841.89, side: 40, top: 34, bottom: 58 } as const;

export const ink = {
  text: '#1b1f24',
  quiet: '#5a6472',
  line: '#c9d0d8',
  band: '#eef2f6',
  alarm: '#a3121f',
  mark: '#e9e9ec',
} as const;

export function openSheet(direction: 'ltr' | 'rtl', info: { title: string; author: string; language: string }): Sheet {
  const document = new PDFDocument({
    size: [paper.width, paper.height],
    margin: 0,
    autoFirstPage: false,
    bufferPages: true,
    pdfVersion: '1.7',
    subset: 'PDF/A-2b' as 'PDF/A-2',
    lang: info.language,
    displayTitle: true,
    info: { Title: info.title, Author: info.author, Creator: 'Makhbar', Producer: 'Makhbar' },
  });
  registerFonts(document);
  escapeMetadata(document);
  return { document, direction, measured: new Map() };
}

interface Metadata {
  readonly info: Record<string, unknown>;
  endMetadata(): void;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** pdfkit puts texts into the XML of the metadata as they are, after it wrote them into the Info dictionary. */
function escapeMetadata(document: PDFKit.PDFDocument): void {
  const metadata = document as unknown as Metadata;
  const end = metadata.endMetadata.bind(document);
  metadata.endMetadata = () => {
    for (const [name, value] of Object.entries(metadata.info)) {
      if (typeof value === 'string') metadata.info[name] = value.replace(/[&<>]/g, (one) => entities[one] ?? one);
    }
    end();
  };
}

/** The bytes, once all is drawn. */
export async function closeSheet({ document }: Sheet): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.on('end', resolve);
    document.on('error', reject);
  });
  nameGlyphs(document);
  document.end();
  await ended;
  return Buffer.concat(chunks);
}

/** The left edge of something so wide that begins at `x`. */
export function leftOf({ direction }: Sheet, x: number, width: number): number {
  return direction === 'ltr' ? x : paper.width - x - width;
}

export function widthOf(sheet: Sheet, text: string, style: Style): number {
  return measured(sheet, text, style).reduce((all, { width }) => all + width, 0) * style.size;
}

/** Runs as they are given to the shaper, with their widths in ems; remembered, because a row is measured before it is drawn. */
function measured(sheet: Sheet, text: string, { bold = false }: Style): readonly Measured[] {
  const key = `${bold ? 'b' : 'n'}${text}`;
  const found = sheet.measured.get(key);
  if (found !== undefined) return found;
  const runs = runsOf(text, sheet.direction).map((run): Measured => {
    const font = fontOf(run.script, bold);
    sheet.document.font(font).fontSize(100);
    const shown = forShaper(sheet.document, run);
    const width = sheet.document.widthOfString(shown, optionsOf(font)) / 100;
    return { font, text: shown, width, ...(run.joined && { actual: run.text }) };
  });
  sheet.measured.set(key, runs);
  return runs;
}

/** Without features pdfkit lays out Arabic word by word from the left. */
function optionsOf(font: FontName): PDFKit.Mixins.TextOptions {
  return font.startsWith('arabic') ? { features: {} as PDFKit.Mixins.OpenTypeFeatures[] } : {};
}

/**
 * What the font has no glyph for is a question mark. Digits of the Arabic script are taken by the shaper as a text from the
 * right, which they are not: they are given to it in reverse, so that they stand as they were.
 */
function forShaper(document: PDFKit.PDFDocument, { text, script, joined }: Run): string {
  const font = shaperOf(document);
  const known = [...text].map((one) => (font.hasGlyphForCodePoint(one.codePointAt(0) ?? 0) ? one : '?'));
  const turned = script === 'arabic' && !joined && font.layout(known.join('')).direction === 'rtl';
  return (turned ? known.toReversed() : known).join('');
}

/** One line within [x, x + width]; `y` is the top of it. */
export function line(sheet: Sheet, text: string, [x, y, width]: readonly [number, number, number], style: Style): void {
  const { document } = sheet;
  const runs = measured(sheet, text, style);
  const whole = widthOf(sheet, text, style);
  const room = width - whole;
  const before = { start: 0, middle: room / 2, end: room }[style.align ?? 'start'];
  let at = leftOf(sheet, x + before, whole);
  for (const run of runs) {
    document
      .font(run.font)
      .fontSize(style.size)
      .fillColor(style.colour ?? ink.text);
    if (run.actual !== undefined) document.markContent('Span', { actual: run.actual });
    document.text(run.text, at, y + style.size, { lineBreak: false, baseline: 'alphabetic', ...optionsOf(run.font) });
    if (run.actual !== undefined) document.endMarkedContent();
    at += run.width * style.size;
  }
}

/** A text in lines that fit; a word that is too long alone is cut into pieces. */
export function wrap(sheet: Sheet, text: string, width: number, style: Style): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ').flatMap((one) => pieces(sheet, one, width, style))) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (current !== '' && widthOf(sheet, longer, style) > width) {
      lines.push(current);
      current = word;
    } else current = longer;
  }
  return whole(current === '' ? lines : [...lines, current]);
}

/** What is isolated stays so on both lines that it stands on. */
function whole(lines: readonly string[]): string[] {
  const open: string[] = [];
  return lines.map((one) => {
    const begun = open.join('') + one;
    open.length = 0;
    for (const [mark] of begun.matchAll(/[\u202C\u202D\u2066-\u2069]/g)) {
      if (mark === '\u2069' || mark === '\u202C') open.pop();
      else open.push(mark);
    }
    return (
      begun +
      open
        .toReversed()
        .map((mark) => (mark === '\u202D' ? '\u202C' : '\u2069'))
        .join('')
    );
  });
}

function pieces(sheet: Sheet, word: string, width: number, style: Style): string[] {
  if (widthOf(sheet, word, style) <= width) return [word];
  const found: string[] = [];
  let current = '';
  for (const character of word) {
    if (current !== '' && widthOf(sheet, current + character, style) > width) {
      found.push(current);
      current = character;
    } else current += character;
  }
  return [...found, current];
}

export function area(
  sheet: Sheet,
  [x, y, width, height]: readonly [number, number, number, number],
  colour: string,
): void {
  sheet.document.rect(leftOf(sheet, x, width), y, width, height).fill(colour);
}

export function rule(sheet: Sheet, y: number, [from, to]: readonly [number, number], colour: string = ink.line): void {
  const left = leftOf(sheet, from, to - from);
  sheet.document
    .lineWidth(0.6)
    .moveTo(left, y)
    .lineTo(left + to - from, y)
    .stroke(colour);
}
