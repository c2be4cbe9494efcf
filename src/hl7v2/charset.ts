/**
 * The character set of a message: MSH-18 (table 0211) as far as the bytes agree with it, else what the interface says.
 *
 * 1. Reading never fails and never replaces characters silently: bytes that are not of the set that was named are read in
 *    the next one that fits, and that is said. Bytes beyond ASCII that are UTF-8 are UTF-8, whatever was named: no text in
 *    another set comes out so by chance, while many senders name the wrong one.
 * 2. A byte order mark is no part of the message.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';

/** Table 0211 and what the field writes instead, in lower case without blanks and signs → name for iconv-lite. */
const names: Readonly<Record<string, string>> = {
  ascii: 'ascii',
  '88591': 'iso-8859-1',
  '88592': 'iso-8859-2',
  '88593': 'iso-8859-3',
  '88594': 'iso-8859-4',
  '88595': 'iso-8859-5',
  '88596': 'iso-8859-6',
  '88597': 'iso-8859-7',
  '88598': 'iso-8859-8',
  '88599': 'iso-8859-9',
  '885910': 'iso-8859-10',
  '885911': 'iso-8859-11',
  '885913': 'iso-8859-13',
  '885914': 'iso-8859-14',
  '885915': 'iso-8859-15',
  '885916': 'iso-8859-16',
  latin1: 'iso-8859-1',
  cp1256: 'windows-1256',
  windows1256: 'windows-1256',
  cp1252: 'windows-1252',
  windows1252: 'windows-1252',
  utf8: 'utf-8',
  unicodeutf8: 'utf-8',
  unicode: 'utf-8',
  isoir87: 'iso-2022-jp',
  gb18030: 'gb18030',
  gb180302000: 'gb18030',
  big5: 'big5',
  ksx1001: 'euc-kr',
};

/** The name for iconv-lite; undefined for a set that is not known. */
export function charsetNamed(name: string): string | undefined {
  const plain = name.toLowerCase().replaceAll(/[\s/_-]/g, '');
  return names[plain.replace(/^iso(?=8859)/, '')];
}

export interface Decoded {
  readonly text: string;
  /** As iconv-lite names it. */
  readonly charset: string;
  /** What MSH-18 said, where the bytes are not of it or it is not known. */
  readonly disagreed?: string;
}

/** Has a character for each byte. */
const last = 'iso-8859-1';

const japanese = new TextDecoder('iso-2022-jp');

/** @param fallback of the interface: for messages that name no set, or a wrong one */
export function decodeMessage(bytes: Buffer, fallback = 'utf-8'): Decoded {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (marked && isUtf8(bytes)) return { text: bytes.toString('utf8', 3), charset: 'utf-8' };
  const named = namedSets(bytes);
  const wanted = named.flatMap((name) => charsetNamed(name) ?? []);
  const order = [...wanted, charsetNamed(fallback) ?? (iconv.encodingExists(fallback) ? fallback : 'utf-8')];
  const plain = isAscii(bytes);
  const charset = !plain && isUtf8(bytes) ? 'utf-8' : (order.find((name) => fits(bytes, name)) ?? last);
  const text = plain && charset === 'utf-8' ? bytes.toString('latin1') : decodeAs(bytes, charset);
  const first = named[0];
  const agreed = first === undefined || wanted.includes(charset) || (plain && wanted.length > 0);
  return { text, charset, ...(!agreed && { disagreed: first }) };
}

/** The repetitions of MSH-18 as they stand in the bytes: its place is known before the set is. */
function namedSets(bytes: Buffer): string[] {
  const head = bytes.subarray(0, 4_096).toString('latin1');
  const [, field = '|', rest = ''] = /(?:MSH|FHS|BHS)([^\r\n])([^\r\n]*)/.exec(head) ?? [];
  const repetition = rest[1] ?? '~';
  return (rest.split(field)[16] ?? '')
    .split(repetition)
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function fits(bytes: Buffer, charset: string): boolean {
  if (charset === 'utf-8') return isUtf8(bytes);
  if (charset === 'ascii') return isAscii(bytes);
  return !decodeAs(bytes, charset).includes('\uFFFD');
}

function decodeAs(bytes: Buffer, charset: string): string {
  if (charset === 'utf-8') return bytes.toString('utf8');
  if (charset === 'iso-2022-jp') return japanese.decode(bytes);
  return iconv.decode(bytes, charset, { stripBOM: false });
}

/** The bytes of a text; @throws RangeError for a character that the set does not have. */
export function encodeMessage(text: string, charset: string): Buffer {
  if (charset === 'utf-8') return Buffer.from(text, 'utf8');
  const bytes = iconv.encodingExists(charset) ? iconv.encode(text, charset) : Buffer.from(text, 'latin1');
  if (decodeAs(bytes, charset) !== text)
    throw new RangeError(`The text has a character that ${charset} does not have.`);
  return bytes;
}

/** Table 0211: what MSH-18 says of a set; '' for ASCII, which needs no word. */
const labels: Readonly<Record<string, string>> = {
  ascii: '',
  'utf-8': 'UNICODE UTF-8',
  'iso-2022-jp': 'ISO IR87',
  'windows-1256': 'CP1256',
  'windows-1252': 'CP1252',
  gb18030: 'GB 18030-2000',
  big5: 'BIG-5',
  'euc-kr': 'KS X 1001',
};

export function charsetLabel(name: string): string {
  const charset = charsetNamed(name) ?? name;
  return labels[charset] ?? charset.replace(/^iso-8859-/, '8859/');
}

/**
 * The bytes of a message that we send, its escape character the standard one: a character that the set does not have is
 * written as its bytes in UTF-8 (`\\X…\\`, §2.7.1), never as another.
 */
export function encodeEscaped(text: string, name: string): Buffer {
  const charset = charsetNamed(name) ?? name;
  try {
    return encodeMessage(text, charset);
  } catch {
    const known = new Map<string, string>();
    const written = Array.from(text, (character) => {
      const before = known.get(character) ?? escapedIn(character, charset);
      known.set(character, before);
      return before;
    });
    return encodeMessage(written.join(''), charset);
  }
}

function escapedIn(character: string, charset: string): string {
  try {
    encodeMessage(character, charset);
    return character;
  } catch {
    return `\\X${Buffer.from(character, 'utf8').toString('hex').toUpperCase()}\\`;
  }
}
