/**
 * What is stored of a person, as a page to read and to print. It comes in pieces, so that a long record is written while it is
 * read: head, then tables row by row, then foot. A file by itself, like the reports (report-document.ts).
 */
import { html, htmlText, type Piece } from './html.ts';
import { dateText, momentText } from './moment.ts';
import { codeText, isolated, styleElement } from './report-document.ts';
import { list } from './report-words.ts';
import type { Texts } from './texts/en.ts';

export interface RecordHead {
  readonly laboratory: string;
  readonly number: string;
  readonly made: Date;
  readonly until: Date;
  readonly zone: string | undefined;
}

export interface PersonFacts {
  readonly names: readonly string[];
  readonly birthDate: string | undefined;
  readonly gender: string | undefined;
  readonly identifiers: readonly string[];
  readonly contacts: readonly string[];
  readonly addresses: readonly string[];
}

/** The document up to its first table. The policy in it forbids scripts and all addresses: it is opened from a disk. */
export function recordHead(texts: Texts, head: RecordHead, person: PersonFacts): string {
  const { record } = texts;
  const whole = htmlText(
    html`<!doctype html>
      <html lang="${texts.language}" dir="${texts.direction}">
        <head>
          <meta charset="utf-8" />
          <meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'" />
          <title>${record.title} · ${head.laboratory}</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="robots" content="noindex" />
          ${styleElement}
        </head>
        <body>
          <main>
            <h1>${record.title}</h1>
            <p>${lead(texts, head)}</p>
            <dl>${facts(texts, head, person)}</dl>
          </main>
        </body>
      </html>`,
  );
  return whole.slice(0, whole.indexOf('</main>'));
}

/** The sentence of this file, whose marks of direction the template would show. */
function lead({ record }: Texts, { number }: RecordHead): Piece {
  return record
    .lead(number)
    .split(/\u2068([^\u2069]*)\u2069/)
    .map((text, at) => (at % 2 === 0 ? html`${text}` : codeText(text)));
}

function facts(texts: Texts, head: RecordHead, person: PersonFacts): Piece[] {
  const { record } = texts;
  const many = (values: readonly string[]): Piece => list(values.map(isolated));
  const rows: readonly (readonly [string, Piece])[] = [
    [record.laboratory, isolated(head.laboratory)],
    [record.made, momentText(texts, head.made, head.zone)],
    [record.until, momentText(texts, head.until, head.zone)],
    [record.name, many(person.names)],
    [record.birthDate, person.birthDate === undefined ? undefined : dateText(texts, person.birthDate)],
    [record.gender, person.gender === undefined ? undefined : (record.genders[person.gender] ?? person.gender)],
    [record.identifiers, list(person.identifiers.map(codeText))],
    [record.contact, list(person.contacts.map(codeText))],
    [record.address, many(person.addresses)],
  ];
  return rows
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    );
}

export function tableHead(title: string, columns: readonly string[]): string {
  const headings = html`<tr>
    ${columns.map((column) => html`<th scope="col">${column}</th>`)}
  </tr>`;
  const opening = htmlText(html`<h2>${title}</h2>`);
  const region = htmlText(html`<div class="scroll" role="region" aria-label="${title}" tabindex="0"></div>`);
  return `<section>${opening}${region.slice(0, -'</div>'.length)}<table><thead>${htmlText(headings)}</thead><tbody>\n`;
}

export function tableRow(cells: readonly Piece[]): string {
  return `${htmlText(
    html`<tr>
      ${cells.map((cell) => html`<td>${cell}</td>`)}
    </tr>`,
  )}\n`;
}

export const tableFoot = '</tbody></table></div></section>\n';

export function recordFoot({ record }: Texts): string {
  return `${htmlText(html`<p class="quiet">${record.rights}</p>`)}</main></body></html>\n`;
}
