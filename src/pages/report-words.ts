/** Codes of the audit log in the words of a language; one without words stands as it is. */
import { html, type Html, type Piece } from './html.ts';
import { codeText, isolated } from './report-document.ts';
import type { Texts } from './texts/en.ts';

function inWords(words: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(words, code) ? words[code] : undefined;
}

export function purposeWords({ reports }: Texts, code: string): string {
  return inWords(reports.purposes, code) ?? code;
}

export function roleWords({ reports }: Texts, role: string): string {
  return inWords(reports.roles, role) ?? role;
}

export function thingWords({ things }: Texts, type: string): string {
  return inWords(things, type) ?? type;
}

/** What was done; an operation or command by its name. */
export function deedWords({ reports }: Texts, kind: string, deed: string | undefined): Html {
  const words = inWords(reports.kinds, kind) ?? kind;
  return deed === undefined ? isolated(words) : html`${isolated(words)} ${codeText(deed)}`;
}

export function list(pieces: readonly Piece[]): Piece {
  if (pieces.length <= 1) return pieces[0];
  return html`<ul>
    ${pieces.map((piece) => html`<li>${piece}</li>`)}
  </ul>`;
}

export interface Whom {
  readonly name: string | undefined;
  readonly username: string | undefined;
  /** The person's resource. */
  readonly reference: string | undefined;
  readonly subject: string;
}

/** Name, and below it what tells apart who is called the same. */
export function whoHtml({ reports }: Texts, { name, username, reference, subject }: Whom): Html {
  const known = username ?? reference ?? subject;
  if (name === undefined && known === '') return isolated(reports.unknown);
  return name === undefined
    ? codeText(known)
    : html`${isolated(name)} ${known !== '' && html`<br />${codeText(known)}`}`;
}

/** An application; that it brought what another system tells. */
export function clientWords({ reports }: Texts, { client, external }: { client: string; external: boolean }): Piece {
  return external ? html`${isolated(client)}<br />${reports.external}` : isolated(client);
}
