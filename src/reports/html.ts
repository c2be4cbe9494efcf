/**
 * A report as one page of HTML: a file by itself with its style inside, the same texts as in the PDF. It has no code to
 * check it by: what is checked is the PDF.
 */
import { createHash } from 'node:crypto';
import { html, htmlText, type Html, type Piece } from '../pages/html.ts';
import type { Told } from './language.ts';
import type { Fact, ReportModel, Row } from './model.ts';
import { unmarked } from './written.ts';
import { sheetStyle } from './style.ts';

const styleHash = createHash('sha256').update(sheetStyle).digest('base64');

export const sheetPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  'img-src data:',
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  'sandbox',
].join('; ');

/** The very text that the hash is of. */
const style = html([`<style>${sheetStyle}</style>`] as unknown as TemplateStringsArray);

export function sheetPage(language: string, direction: string, title: string, body: Piece): string {
  return htmlText(
    html`<!doctype html>
      <html lang="${language}" dir="${direction}">
        <head>
          <meta charset="utf-8" />
          <title>${title}</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="robots" content="noindex" />
          ${style}
        </head>
        <body>
          <main>${body}</main>
        </body>
      </html> `,
  );
}

const opening: Readonly<Record<string, (inside: Piece) => Html>> = {
  '\u2066': (inside) => html`<bdi dir="ltr">${inside}</bdi>`,
  '\u2067': (inside) => html`<bdi dir="rtl">${inside}</bdi>`,
  '\u202D': (inside) => html`<bdo dir="ltr">${inside}</bdo>`,
};

/** Isolates and overrides become elements: a page has no marks of direction. */
export function directed(text: string): Html {
  const parts = text.split(/([\u202C\u202D\u2066\u2067\u2069])/);
  let at = 0;
  const inside = (): Piece[] => {
    const pieces: Piece[] = [];
    for (; at < parts.length; at++) {
      const part = parts[at] ?? '';
      const open = opening[part];
      if (part === '\u2069' || part === '\u202C') return pieces;
      if (open === undefined) pieces.push(part);
      else {
        at += 1;
        pieces.push(open(inside()));
      }
    }
    return pieces;
  };
  return html`<bdi>${inside()}</bdi>`;
}

export function reportHtml(model: ReportModel): string {
  const { letterhead, status } = model;
  const body = html`
    <header>
      ${
        letterhead.logo !== undefined &&
        html`<img alt="" src="data:${letterhead.logo.contentType};base64,${letterhead.logo.data.toString('base64')}" />`
      }
      <div>
        <p class="name">${directed(letterhead.name)}</p>
        ${letterhead.lines.map((line) => html`<p class="quiet">${directed(line)}</p>`)}
      </div>
    </header>
    <div class="title">
      <h1>${joined(model.title)}</h1>
      <p class="status ${status.code === 'final' ? 'final' : 'other'}">${joined(status.text)}</p>
    </div>
    ${model.watermark !== undefined && html`<p class="watermark">${model.watermark}</p>`}
    <div class="facts">${facts(model.patient)} ${facts(model.order)}</div>
    ${specimens(model)} ${results(model)}
    ${
      model.conclusion !== undefined &&
      html`<h2>${joined(model.conclusion.title)}</h2>
        <p>${directed(model.conclusion.text)}</p>`
    }
    ${facts(model.people)}
    <footer>${[...model.legend, ...model.footer].map((line) => html`<p class="quiet">${directed(line)}</p>`)}</footer>
  `;
  return sheetPage(
    model.languages[0] ?? 'en',
    model.direction,
    `${model.title.join(' / ')} · ${unmarked(letterhead.name)}`,
    body,
  );
}

function joined(all: Told): Piece {
  return all.map((text, at) => html`${at > 0 && ' / '}${directed(text)}`);
}

function facts(all: readonly Fact[]): Html {
  return html`<dl>
    ${all.map(
      ({ name, value }) =>
        html`<div>
          <dt>${joined(name)}</dt>
          <dd>${directed(value)}</dd>
        </div>`,
    )}
  </dl>`;
}

function specimens({ specimens: { heads, rows, title } }: ReportModel): Html | false {
  if (rows.length === 0) return false;
  return html`<h2>${joined(title)}</h2>
    <div class="scroll" role="region" aria-label="${title[0] ?? ''}" tabindex="0">
      <table>
        <thead>
          <tr>
            ${heads.map((head) => html`<th scope="col">${joined(head)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                ${row.map((cell) => html`<td>${directed(cell)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

function results(model: ReportModel): Html {
  const columns = model.columns.filter(({ column }) => column !== 'trend');
  return html`<div class="scroll" role="region" aria-label="${model.title[0] ?? ''}" tabindex="0">
    <table class="results">
      <thead>
        <tr>
          ${columns.map(({ title }) => html`<th scope="col">${joined(title)}</th>`)}
        </tr>
      </thead>
      ${model.sections.map(
        ({ title, rows }) =>
          html`<tbody>
            <tr class="section">
              <th scope="rowgroup" colspan="${columns.length}">${joined(title)}</th>
            </tr>
            ${rows.map((row) =>
              rowHtml(
                row,
                columns.map(({ column }) => column),
              ),
            )}
          </tbody>`,
      )}
    </table>
  </div>`;
}

function rowHtml(row: Row, columns: readonly ReportModel['columns'][number]['column'][]): Html {
  const cells: Readonly<Record<string, Piece>> = {
    result: row.value.map((text, at) => html`${at > 0 && html`<br />`}${directed(text)}`),
    flag: row.flag !== undefined && directed(row.flag),
    unit: directed(row.unit),
    interval: row.interval.map((text, at) => html`${at > 0 && html`<br />`}${directed(text)}`),
    previous:
      row.previous !== undefined &&
      html`${directed(row.previous.value)}<br /><span class="quiet">${directed(row.previous.at)}</span>`,
  };
  const strength = row.critical ? 'critical' : row.flag === undefined ? 'plain' : 'flagged';
  return html`<tr class="${strength}">
    <th scope="row" class="level${Math.min(row.level, 3)}">
      ${row.name.map((text, at) => html`<span class="${at === 0 ? 'first' : 'quiet second'}">${directed(text)}</span>`)}
      ${row.notes.map(({ kind, text }) => html`<span class="note ${kind}">${directed(text)}</span>`)}
    </th>
    ${columns.filter((column) => column !== 'name').map((column) => html`<td class="${column}">${cells[column]}</td>`)}
  </tr>`;
}
