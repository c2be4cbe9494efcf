/** The recovery codes, shown once, fit for printing. No form: a link leads on. */
import { documentText, type Frame } from './document.ts';
import { html } from './html.ts';
import { momentText } from './moment.ts';
import type { Texts } from './texts/en.ts';

export interface RecoveryCodesData extends Frame {
  readonly codes: readonly string[];
  readonly made: Date;
  /** Whose they are. */
  readonly username: string;
  /** Where the link leads on. */
  readonly next: string;
}

export function recoveryCodesPage(texts: Texts, data: RecoveryCodesData): string {
  const { recovery } = texts;
  const codes = data.codes.map((code) => html`<li><code dir="ltr">${code}</code></li>`);
  const content = html`
    <p class="lead">${recovery.lead}</p>
    <p>${recovery.advice}</p>
    <ol class="codes" aria-label="${recovery.list}">
      ${codes}
    </ol>
    <p class="hint">
      <bdi dir="ltr">${data.username}</bdi> · ${recovery.made(momentText(texts, data.made, data.timezone))}
    </p>
    <p class="screen-only"><a class="button primary" href="${data.next}">${recovery.kept}</a></p>
  `;
  return documentText(texts, data, { title: recovery.title, content });
}
