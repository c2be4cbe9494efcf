/**
 * The fonts of a PDF: Noto Sans for Latin, Greek and Cyrillic, Noto Sans Arabic for Arabic and its digits. Each is embedded
 * as far as it is used; what neither has is shown as a question mark, because PDF/A has no glyph for what is missing.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import PDFDocument from 'pdfkit';

const require = createRequire(import.meta.url);

const files = {
  latin: readFileSync(require.resolve('@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf')),
  latinBold: readFileSync(require.resolve('@expo-google-fonts/noto-sans/700Bold/NotoSans_700Bold.ttf')),
  arabic: readFileSync(require.resolve('@expo-google-fonts/noto-sans-arabic/400Regular/NotoSansArabic_400Regular.ttf')),
  arabicBold: readFileSync(require.resolve('@expo-google-fonts/noto-sans-arabic/700Bold/NotoSansArabic_700Bold.ttf')),
} as const;

export type FontName = keyof typeof files;

export type Script = 'latin' | 'arabic';

export function fontOf(script: Script, bold: boolean): FontName {
  return bold ? `${script}Bold` : script;
}

const arabic = /[\u0600-\u06FF\u0750-\u077F\u08A0-\u08FF\uFB50-\uFDFF\uFE70-\uFEFC]/u;

/** Signs that only mean what they do beside a number, as they are written where the font has none. */
const replaced: Readonly<Record<string, string>> = { '≤': '<=', '≥': '>=', '\u00A0': ' ', '\u202F': ' ', '\t': ' ' };

export function written(text: string): string {
  return text.replace(/[≤≥\u00A0\u202F\t]/g, (sign) => replaced[sign] ?? sign);
}

export function scriptOf(character: string): Script {
  return arabic.test(character) ? 'arabic' : 'latin';
}

/** A font as pdfkit has it in a document: what the shaper parsed of the file, and how it is embedded. */
interface Opened {
  readonly font: Shaper;
}

/** A text laid out by the shaper, in the scale of pdfkit; nothing changes it. */
type Layout = object;

interface Embedded extends Opened {
  layoutRun(text: string, features?: object): Layout;
  /** Code points by the number of the glyph in the document. */
  readonly unicode?: number[][];
}

interface Fonts {
  _font: Opened;
  _fontCount: number;
  readonly _fontFamilies: Record<string, Embedded>;
}

export interface Shaper {
  hasGlyphForCodePoint(code: number): boolean;
  layout(text: string): { readonly direction: 'ltr' | 'rtl' };
}

/**
 * The files are parsed once for all documents: pdfkit does it for each, which is a third of the time of a report (40 ms of
 * 120). What it makes of a parsed file for a document is the class that it makes of a file.
 */
const opened = Object.entries(files).map(([name, data]) => {
  const document = new PDFDocument({ autoFirstPage: false });
  const { font, constructor } = (document.font(data) as unknown as Fonts)._font;
  const make = constructor as unknown as new (document: object, font: Shaper, id: string) => Embedded;
  return { name: name as FontName, font, make, layouts: new Map<string, Layout>() };
});

/**
 * Makes the fonts known to a document under their names; those that are not used are not embedded. What the shaper laid out is
 * remembered for the documents that follow: the names, units and words of reports are few, and shaping them is half the work
 * (55 of 97 ms; Arabic more).
 */
export function registerFonts(document: PDFKit.PDFDocument): void {
  const fonts = document as unknown as Fonts;
  for (const { name, font, make, layouts } of opened) {
    fonts._fontCount += 1;
    const own = new make(document, font, `F${fonts._fontCount}`);
    const layOut = own.layoutRun.bind(own);
    own.layoutRun = (text, features) => {
      const found = layouts.get(text);
      if (found !== undefined) return found;
      const made = layOut(text, features);
      if (text.length <= longestRemembered) {
        if (layouts.size >= mostRemembered) layouts.clear();
        layouts.set(text, made);
      }
      return made;
    };
    fonts._fontFamilies[name] = own;
  }
}

/** Longer texts are comments, which do not come again. */
const longestRemembered = 40;
/** Of each font; some kilobytes each. */
const mostRemembered = 2_000;

/** Of the font that is set. */
export function shaperOf(document: PDFKit.PDFDocument): Shaper {
  return (document as unknown as Fonts)._font.font;
}

/** Dots that stand apart from their letter have no character of their own; a reader would make one up. */
export function nameGlyphs(document: PDFKit.PDFDocument): void {
  const { _fontFamilies: families } = document as unknown as Fonts;
  for (const unicode of Object.values(families).flatMap((one) => (one.unicode === undefined ? [] : [one.unicode]))) {
    unicode.forEach((points, at) => {
      if (points.length === 0) unicode[at] = [0x200b];
    });
  }
}
