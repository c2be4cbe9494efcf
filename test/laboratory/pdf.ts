/** Reading a PDF back: its text by page as a reader finds it, and what its metadata say. */
import { inflateSync } from 'node:zlib';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';

export interface PdfText {
  readonly pages: readonly string[];
  /** Arabic as it is read (ActualText): glyphs do not tell it, because letters share shapes. */
  readonly actual: readonly string[];
  /** XMP as text. */
  readonly metadata: string;
}

export async function readPdf(bytes: Uint8Array): Promise<PdfText> {
  const task = getDocument({
    data: new Uint8Array(bytes),
    verbosity: 0,
    isEvalSupported: false,
    useSystemFonts: false,
  });
  const document = await task.promise;
  const pages: string[] = [];
  for (let page = 1; page <= document.numPages; page++) {
    const { items } = await (await document.getPage(page)).getTextContent();
    pages.push(
      items
        .map((item) => ('str' in item ? item.str.replaceAll('\u200B', '') + (item.hasEOL ? '\n' : '') : ''))
        .join(''),
    );
  }
  const raw = Buffer.from(bytes).toString('utf8');
  await task.destroy();
  return {
    pages,
    actual: actualTexts(Buffer.from(bytes)),
    metadata: /<x:xmpmeta[\s\S]*?<\/x:xmpmeta>/.exec(raw)?.[0] ?? '',
  };
}

function actualTexts(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = bytes.indexOf('stream\n'); at >= 0; at = bytes.indexOf('stream\n', at + 1)) {
    const end = bytes.indexOf('\nendstream', at);
    if (bytes.subarray(at - 3, at).toString() === 'end' || end < 0) continue;
    const content = inflated(bytes.subarray(at + 7, end))?.toString('latin1') ?? '';
    for (const [, written = ''] of content.matchAll(/\/ActualText \(((?:\\[\s\S]|[^\\)])*)\)/g))
      found.push(fromUtf16(written));
  }
  return found;
}

function inflated(bytes: Buffer): Buffer | undefined {
  try {
    return inflateSync(bytes);
  } catch {
    return undefined;
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

function fromUtf16(written: string): string {
  const plain = written.replace(/\\([\s\S])/g, (_, one: string) => escapes[one] ?? one);
  return Buffer.from(plain, 'latin1').subarray(2).swap16().toString('utf16le');
}
