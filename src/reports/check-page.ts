/** The page that tells whether a report is valid, for whoever holds it: nothing of the patient, nothing of results. */
import { html, type Piece } from '../pages/html.ts';
import { directed, sheetPage } from './html.ts';
import type { Words } from './words/en.ts';
import { clockOf, fromLeft, timeText } from './written.ts';

export type Standing = 'valid' | 'superseded' | 'withdrawn' | 'unknown';

export interface Checked {
  readonly standing: Standing;
  readonly laboratory: string;
  readonly zone: string;
  readonly made?: string;
  /** Of the report when it was made. */
  readonly status?: string;
  readonly sha256?: string;
}

export function checkPage(of: Words, checked: Checked): string {
  const { check } = of;
  const { standing, made, status, sha256 } = checked;
  const facts: (readonly [string, Piece])[] = [
    [check.laboratory, html`<bdi>${checked.laboratory}</bdi>`],
    ...(made === undefined
      ? []
      : [[check.made, html`${directed(fromLeft(timeText(made, clockOf(checked.zone))))} (${checked.zone})`] as const]),
    ...(status === undefined ? [] : [[check.status, of.statuses[status] ?? status] as const]),
    ...(sha256 === undefined ? [] : [[check.digest, html`<bdi dir="ltr">${sha256}</bdi>`] as const]),
  ];
  const body = html`
    <h1>${check.title}</h1>
    <p><span class="status ${standing === 'valid' ? 'valid' : 'other'}">${check[standing]}</span></p>
    <p>${check[`${standing}Text`]}</p>
    <dl>
      ${facts.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    ${sha256 !== undefined && html`<p class="quiet">${check.compare}</p>`}
  `;
  return sheetPage(of.language, of.direction, check.title, body);
}
