/**
 * Escape sequences in and out. HL7 v2.5.1 §2.7.
 *
 * `\F\ \S\ \T\ \R\ \E\` are the delimiters, `\Xhh…\` bytes, `\.br\` and its like line breaks of formatted text, `\H\ \N\`
 * highlighting, `\Cxxyy\ \Mxxyyzz\` other character sets, `\Zxx\` local ones. What is not understood stays as it is: a
 * backslash that somebody forgot to escape is no reason to lose text.
 */
import type { Delimiters } from './message.ts';

export function unescapeText(text: string, delimiters: Delimiters): string {
  const { escape } = delimiters;
  if (!text.includes(escape)) return text;
  let out = '';
  let at = 0;
  for (;;) {
    const begin = text.indexOf(escape, at);
    const end = begin < 0 ? -1 : text.indexOf(escape, begin + 1);
    if (end < 0) return out + text.slice(at);
    const meaning = meaningOf(text.slice(begin + 1, end), delimiters);
    if (meaning === undefined) {
      // The second one may begin a sequence itself.
      out += text.slice(at, end);
      at = end;
    } else {
      out += text.slice(at, begin) + meaning;
      at = end + 1;
    }
  }
}

function meaningOf(
  sequence: string,
  { field, component, subcomponent, repetition, escape }: Delimiters,
): string | undefined {
  const simple: Record<string, string> = {
    F: field,
    S: component,
    T: subcomponent,
    R: repetition,
    E: escape,
    H: '',
    N: '',
    P: '',
    '.br': '\n',
    '.sp': '\n',
    '.ce': '\n',
    '.fi': '',
    '.nf': '',
  };
  const known = simple[sequence];
  if (known !== undefined) return known;
  const [, bytes] = /^X((?:[0-9A-Fa-f]{2})+)$/.exec(sequence) ?? [];
  if (bytes !== undefined) return bytesText(Buffer.from(bytes, 'hex'));
  const [, lines] = /^\.sp\+?(\d{1,2})$/.exec(sequence) ?? [];
  if (lines !== undefined) return '\n'.repeat(Number(lines));
  return /^\.(?:in|ti|sk)[+-]?\d{1,3}$/.test(sequence) ? (sequence.startsWith('.sk') ? ' ' : '') : undefined;
}

/** Line ends, or characters in UTF-8, else in Latin 1: the sequence does not say which. */
function bytesText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return (text.includes('\uFFFD') ? bytes.toString('latin1') : text).replace(/\r\n?/g, '\n');
}

/** A text for a field: what would be read as a delimiter or the end of the segment is escaped. */
export function escapeText(text: string, delimiters: Delimiters): string {
  const { field, component, subcomponent, repetition, escape } = delimiters;
  const letters = new Map([
    [escape, 'E'],
    [field, 'F'],
    [component, 'S'],
    [subcomponent, 'T'],
    [repetition, 'R'],
  ]);
  let out = '';
  for (const character of text.replace(/\r\n?/g, '\n')) {
    const letter = letters.get(character);
    if (letter !== undefined) out += escape + letter + escape;
    else if (character === '\n') out += `${escape}.br${escape}`;
    else if (character < ' ')
      out += `${escape}X${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}${escape}`;
    else out += character;
  }
  return out;
}
