/**
 * Setting up a second step: which way, an authenticator app, a passkey.
 *
 * enrolTotpPage posts `csrf`, `code`. enrolPasskeyPage posts `csrf`, `name` (may be empty) and `response`
 * (RegistrationResponseJSON, '' where none was made), filled in by assets/passkey.js.
 */
import { documentText, type Frame } from './document.ts';
import { field, postForm, problemList, submitButton, type Posting } from './form.ts';
import { html } from './html.ts';
import { passkeyForm } from './passkey-form.ts';
import { qrImage } from './qr.ts';
import type { Texts } from './texts/en.ts';

export interface EnrolData extends Frame {
  /** Addresses of the two pages. */
  readonly totp: string;
  readonly passkey: string;
  /** A role of the account demands it. */
  readonly needed: boolean;
  /** Where to go without; not with `needed`. */
  readonly later?: string | undefined;
}

export function enrolPage(texts: Texts, data: EnrolData): string {
  const { enrol } = texts;
  const content = html`
    <p class="lead">${enrol.lead} ${data.needed && enrol.needed}</p>
    <ul class="ways">
      <li>
        <a class="button primary" href="${data.passkey}">${enrol.passkey}</a>
        <p class="hint">${enrol.passkeyLead}</p>
      </li>
      <li>
        <a class="button plain" href="${data.totp}">${enrol.totp}</a>
        <p class="hint">${enrol.totpLead}</p>
      </li>
    </ul>
    ${data.later !== undefined && html`<p><a href="${data.later}">${enrol.later}</a></p>`}
  `;
  return documentText(texts, data, { title: enrol.title, content });
}

export interface EnrolTotpData extends Frame, Posting {
  /** In base32. */
  readonly secret: string;
  /** otpauth://totp/… */
  readonly address: string;
  readonly problem?: 'code' | undefined;
  /** Where a link leads back to. */
  readonly back?: string | undefined;
}

export function enrolTotpPage(texts: Texts, data: EnrolTotpData): string {
  const { enrol, common } = texts;
  const problem = data.problem && enrol.codeProblem;
  const code = field({
    name: 'code',
    label: enrol.codeLabel,
    hint: enrol.codeHint,
    autocomplete: 'one-time-code',
    inputMode: 'numeric',
    latin: true,
    maxLength: 20,
    problem,
  });
  const content = html`
    ${problemList(texts, problem === undefined ? [] : [{ text: problem, field: 'code' }])}
    <p>${enrol.scan}</p>
    <img class="qr" src="${qrImage(data.address)}" alt="${enrol.picture}" width="220" height="220" />
    <dl class="facts-list">
      <div>
        <dt>${enrol.key}</dt>
        <dd><code dir="ltr">${data.secret.match(/.{1,4}/g)?.join(' ')}</code></dd>
      </div>
    </dl>
    ${data.address.startsWith('otpauth:') && html`<p><a href="${data.address}">${enrol.openApp}</a></p>`}
    ${postForm(data, html`${code}${submitButton(enrol.submit)}`)}
    ${data.back !== undefined && html`<p class="after"><a href="${data.back}">${common.cancel}</a></p>`}
  `;
  return documentText(texts, data, { title: enrol.totpTitle, content, failed: problem !== undefined });
}

export interface EnrolPasskeyData extends Frame, Posting {
  /** PublicKeyCredentialCreationOptionsJSON. */
  readonly options: object;
  /** Address of enrolTotpPage. */
  readonly totp: string;
  readonly problem?: 'passkey' | undefined;
  readonly back?: string | undefined;
}

export function enrolPasskeyPage(texts: Texts, data: EnrolPasskeyData): string {
  const { enrol, common } = texts;
  const problem = data.problem && enrol.passkeyProblem;
  const name = field({
    name: 'name',
    label: enrol.passkeyName,
    hint: enrol.passkeyNameHint,
    autocomplete: 'off',
    maxLength: 60,
    optional: true,
    first: problem === undefined,
  });
  const content = html`
    <p class="lead">${enrol.passkeyLead}</p>
    ${problemList(texts, problem === undefined ? [] : [{ text: problem }])}
    ${postForm(data, html`${name}${passkeyForm({ ...enrol, deed: 'create', options: data.options })}`)}
    <p class="after"><a href="${data.totp}">${enrol.instead}</a></p>
    ${data.back !== undefined && html`<p><a href="${data.back}">${common.cancel}</a></p>`}
  `;
  return documentText(texts, data, {
    title: enrol.passkeyTitle,
    content,
    failed: problem !== undefined,
    script: data.assets.passkey,
  });
}
