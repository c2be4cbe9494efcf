/**
 * A report as one page to read and to print. It is a file by itself, with its style inside: who asks for it does so with a
 * token, which no browser sends for a style sheet, and keeps it. Its Content-Security-Policy allows this one style by its
 * hash and nothing else: no script, no address.
 */
import { createHash } from 'node:crypto';
import { html, htmlText, type Html, type Piece } from './html.ts';
import { momentText } from './moment.ts';
import { reportStyle } from './report-style.ts';
import type { Texts } from './texts/en.ts';

const styleHash = createHash('sha256').update(reportStyle).digest('base64');

export const reportPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  'sandbox',
].join('; ');

/** What every report is about. */
export interface ReportHead {
  readonly laboratory: string;
  /** FHIR instants, and the IANA zone in which they are shown. */
  readonly made: string;
  readonly from: string | undefined;
  /** Undefined where the report is of one moment. */
  readonly to: string | undefined;
  readonly zone: string;
  /** The caller's scopes may leave events out. */
  readonly partial: boolean;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Piece[])[];
}

export interface Section {
  readonly title: string;
  readonly table?: Table;
  readonly text?: Html;
  readonly note?: string;
}

export interface Report {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: Piece])[];
  readonly sections: readonly Section[];
}

export function moment(texts: Texts, head: Pick<ReportHead, 'zone'>, instant: string): string {
  return momentText(texts, new Date(instant), head.zone);
}

export function numberText({ locale }: Texts, value: number): string {
  return new Intl.NumberFormat(locale).format(value);
}

/** A name or code in whatever script, which must not turn the words around it. */
export function isolated(text: string): Html {
  return html`<bdi>${text}</bdi>`;
}

/** An address or code that is read from left to right in every language. */
export function codeText(text: string): Html {
  return html`<bdi class="code" dir="ltr">${text}</bdi>`;
}

export function reportText(texts: Texts, head: ReportHead, report: Report): string {
  const { reports } = texts;
  const facts = [...headFacts(texts, head), ...report.facts];
  return htmlText(
    html`<!doctype html>
      <html lang="${texts.language}" dir="${texts.direction}">
        <head>
          <meta charset="utf-8" />
          <title>${report.title} · ${head.laboratory}</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="robots" content="noindex" />
          ${styleElement}
        </head>
        <body>
          <main>
            <h1>${report.title}</h1>
            <dl>
              ${facts.map(
                ([name, value]) =>
                  html`<div>
                    <dt>${name}</dt>
                    <dd>${value}</dd>
                  </div>`,
              )}
            </dl>
            ${head.partial && html`<p class="warning">${reports.partial}</p>`}
            ${report.sections.map((section) => sectionHtml(texts, section))}
            <p class="quiet">${reports.zone(head.zone)}</p>
          </main>
        </body>
      </html> `,
  );
}

/** The very text that the hash is of: nothing in it needs escaping, which the template would do. */
export const styleElement = html([`<style>${reportStyle}</style>`] as unknown as TemplateStringsArray);

function headFacts(texts: Texts, head: ReportHead): [string, Piece][] {
  const { reports } = texts;
  const made: [string, Piece][] = [
    [reports.laboratory, isolated(head.laboratory)],
    [reports.made, moment(texts, head, head.made)],
  ];
  if (head.to === undefined) return made;
  const to = moment(texts, head, head.to);
  const period = head.from === undefined ? reports.until(to) : reports.between(moment(texts, head, head.from), to);
  return [...made, [reports.period, period]];
}

function sectionHtml(texts: Texts, { title, table, text, note }: Section): Html {
  return html`<section>
    <h2>${title}</h2>
    ${text} ${table !== undefined && tableHtml(texts, title, table)}
    ${note !== undefined && html`<p class="quiet">${note}</p>`}
  </section>`;
}

/** On a narrow screen it scrolls by itself: who has no mouse must be able to reach it. */
function tableHtml({ reports }: Texts, title: string, { columns, rows }: Table): Html {
  if (rows.length === 0) return html`<p>${reports.nothing}</p>`;
  return html`<div class="scroll" role="region" aria-label="${title}" tabindex="0">
    <table>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col">${column}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell) => html`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
