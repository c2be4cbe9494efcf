/**
 * HTML as a tagged template: what is put into it is escaped, unless it is such HTML itself.
 *
 *   html`<p title="${name}">${name}</p>`
 *
 * 1. A string never opens a tag, leaves an attribute or starts an entity. Attributes are always written in double quotes.
 *    Marks that turn the direction of all that follows (bidirectional embeddings, overrides, isolates) are shown as
 *    U+FFFD: a name could make a page read otherwise than it is.
 * 2. Nothing but this template makes `Html`: its mark is a symbol of this file, which no JSON can carry.
 * 3. `undefined` and `false` are nothing, so that a condition can stand in a template.
 */
const markup = Symbol('markup');

export interface Html {
  readonly [markup]: string;
}

export type Piece = Html | string | number | undefined | false | readonly Piece[];

export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  const text = strings.reduce((before, string, at) => before + pieceText(pieces[at - 1]) + string);
  return { [markup]: text };
}

/** The text that is sent. */
export function htmlText(piece: Html): string {
  return piece[markup];
}

function pieceText(piece: Piece): string {
  if (piece === undefined || piece === false) return '';
  if (typeof piece === 'string') return escaped(piece);
  if (typeof piece === 'number') return String(piece);
  if (markup in piece) return piece[markup];
  return piece.map(pieceText).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

function escaped(text: string): string {
  // NUL: HTML has no way to write it.
  return text.replaceAll(/[&<>"'`\0\u202A-\u202E\u2066-\u2069]/g, (character) => entities[character] ?? '\uFFFD');
}

/** An address that can stand in a link: of the web, or a path of this server; anything else (javascript:) is undefined. */
export function linkAddress(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  if (/^\/(?![/\\])/.test(address)) return address;
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol) ? address : undefined;
}
