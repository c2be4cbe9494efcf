/**
 * Forms: one field with its label, hint and problem; the list of problems above the form, linked to the fields; the
 * token against forged requests.
 *
 * Problems stand at the top and beside the field (WCAG 3.3.1). The list takes the focus, so that it is read out first
 * and a keyboard starts there.
 */
import { html, type Html } from './html.ts';
import { durationText } from './moment.ts';
import type { Texts } from './texts/en.ts';

export interface Field {
  /** Name in the form. */
  readonly name: string;
  /** The element's id where two forms have a field of this name. */
  readonly id?: string;
  readonly label: string;
  readonly hint?: string | undefined;
  readonly problem?: string | undefined;
  readonly type?: 'text' | 'password' | 'search';
  readonly value?: string | undefined;
  /** https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill */
  readonly autocomplete: string;
  readonly inputMode?: 'numeric';
  /** Where the keyboard starts, unless there is a problem. */
  readonly first?: boolean;
  readonly maxLength?: number;
  /** Written from left to right in every language: names of accounts, codes. */
  readonly latin?: boolean;
  readonly optional?: boolean;
}

export function field(given: Field): Html {
  const { name, id = name, label, hint, problem, type = 'text', value, latin = false } = given;
  const described = [hint !== undefined && `${id}-hint`, problem !== undefined && `${id}-problem`].filter(Boolean);
  return html`<div class="field${problem !== undefined && ' wrong'}">
    <label for="${id}">${label}</label>
    ${hint !== undefined && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${problem !== undefined && html`<p class="wrong-text" id="${id}-problem">${problem}</p>`}
    <input
      id="${id}"
      name="${name}"
      type="${type}"
      maxlength="${given.maxLength ?? 200}"
      autocomplete="${given.autocomplete}"
      ${[
        value !== undefined && html` value="${value}"`,
        given.inputMode !== undefined && html` inputmode="${given.inputMode}"`,
        latin && html` dir="ltr"`,
        (latin || type === 'password') && html` autocapitalize="none" spellcheck="false"`,
        given.optional !== true && html` required`,
        given.first === true && problem === undefined && html` autofocus`,
        described.length > 0 && html` aria-describedby="${described.join(' ')}"`,
        problem !== undefined && html` aria-invalid="true"`,
      ]}
    />
  </div>`;
}

export interface Problem {
  readonly text: string;
  /** Id of the field it is about. */
  readonly field?: string | undefined;
}

/** Nothing where there is no problem. */
export function problemList(texts: Texts, problems: readonly Problem[]): Html | undefined {
  if (problems.length === 0) return undefined;
  const items = problems.map(({ text, field: at }) =>
    at === undefined ? html`<li>${text}</li>` : html`<li><a href="#${at}">${text}</a></li>`,
  );
  return html`<div class="problems" role="alert" tabindex="-1" autofocus>
    <h2>${texts.common.problem}</h2>
    <ul>
      ${items}
    </ul>
  </div>`;
}

/** Where a form is sent, and the token that the server checks. The token's field is `csrf`. */
export interface Posting {
  readonly action: string;
  readonly csrf: string;
}

/** Fields are checked by the server, which says what is wrong in the page's language: so `novalidate`. */
export function postForm({ action, csrf }: Posting, content: Html): Html {
  return html`<form method="post" action="${action}" novalidate>
    <input type="hidden" name="csrf" value="${csrf}" />
    ${content}
  </form>`;
}

export interface Button {
  /** What the form says besides its fields when this button was the one. */
  readonly name?: string;
  readonly value?: string;
  /** The whole sentence, where several buttons on a page are labelled alike. */
  readonly says?: string;
}

export function submitButton(
  label: string,
  kind: 'primary' | 'plain' | 'danger' = 'primary',
  { name, value, says }: Button = {},
): Html {
  return html`<button
    type="submit"
    class="${kind}"
    ${name !== undefined && html`name="${name}" value="${value ?? ''}"`}
    ${says !== undefined && html`aria-label="${says}"`}
  >
    ${label}
  </button>`;
}

export function checkedAttribute(on: boolean): Html | undefined {
  return on ? html` checked` : undefined;
}

/** Too many tries. @param retryAfter seconds; without it only an administrator helps */
export function lockedText(texts: Texts, retryAfter: number | undefined): string {
  return retryAfter === undefined ? texts.common.closed : texts.common.locked(durationText(texts, retryAfter));
}
