/**
 * What a person sees where no redirect may happen: an app that is not known, a page that ran out, a forged form, a fault
 * of the server. A calm sentence in the person's language; what a technician needs stands below it, folded.
 */
import { documentText, type Frame } from './document.ts';
import { html, type Html } from './html.ts';
import type { Texts } from './texts/en.ts';

export type PageProblem = keyof Texts['error']['problems'];

export interface ErrorData extends Frame {
  readonly problem: PageProblem;
  /** Code and description of RFC 6749 or of this server, in English. */
  readonly code?: string | undefined;
  readonly description?: string | undefined;
  /** The X-Request-Id of the answer. */
  readonly requestId?: string | undefined;
}

/** What may happen on the way through one's account; elsewhere the way on is in the app. */
const ownPages: ReadonlySet<PageProblem> = new Set(['forgery', 'missing']);

export function errorPage(texts: Texts, data: ErrorData): string {
  const { error } = texts;
  const content = html` <p class="notice bad" role="alert">${error.problems[data.problem]}</p>
    ${ownPages.has(data.problem) && html`<p><a href="${data.root}/account">${error.account}</a></p>`}
    ${details(texts, data)}`;
  return documentText(texts, data, { title: error.title, content, failed: true });
}

function details({ error }: Texts, { code, description, requestId }: ErrorData): Html | undefined {
  const lines = [code, description].filter((line) => line !== undefined);
  if (lines.length === 0 && requestId === undefined) return undefined;
  return html`<details>
    <summary>${error.details}</summary>
    ${lines.map((line) => html`<p dir="ltr" lang="en">${line}</p>`)}
    ${requestId !== undefined && html`<p>${error.request}: <code dir="ltr">${requestId}</code></p>`}
  </details>`;
}
