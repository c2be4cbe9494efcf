/** The text of a section of a document: XHTML as FHIR allows it. https://hl7.org/fhir/R4/narrative.html */
import { html, htmlText } from '../pages/html.ts';
import type { ReportModel, ReportSection } from './model.ts';
import { unmarked } from './written.ts';

export function narrative({ rows }: ReportSection, { columns, languages, direction }: ReportModel): string {
  const shown = columns.filter(({ column }) => column !== 'trend' && column !== 'previous');
  const table = html`<table>
    <thead>
      <tr>
        ${shown.map(({ title }) => html`<th>${title.map(unmarked).join(' / ')}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map((row) => {
        const cells: Readonly<Record<string, string>> = {
          name: [...row.name, ...row.notes.map(({ text }) => text)].join(' · '),
          result: row.value.join(' / '),
          flag: row.flag ?? '',
          unit: row.unit,
          interval: row.interval.join('; '),
        };
        return html`<tr>
          ${shown.map(({ column }) => html`<td>${unmarked(cells[column] ?? '')}</td>`)}
        </tr>`;
      })}
    </tbody>
  </table>`;
  const body = rows.length === 0 ? html`<p>–</p>` : table;
  return htmlText(
    html`<div xmlns="http://www.w3.org/1999/xhtml" xml:lang="${languages[0] ?? 'en'}" dir="${direction}">${body}</div>`,
  );
}
