/**
 * The second step of signing in: a code from an authenticator app, a passkey, or a recovery code.
 *
 * Each way is a form of its own to the same `action` with `csrf` and `factor`:
 *   factor=totp      `code`      six digits, spaces allowed
 *   factor=passkey   `response`  PublicKeyCredential as JSON (AuthenticationResponseJSON), filled in by assets/passkey.js
 *   factor=recovery  `code`      as it was printed
 * The passkey's options travel in the attribute `data-options` of its form, and only there.
 */
import { documentText, type Frame } from './document.ts';
import { field, lockedText, postForm, problemList, submitButton, type Posting, type Problem } from './form.ts';
import { html, type Html } from './html.ts';
import { passkeyForm } from './passkey-form.ts';
import type { Texts } from './texts/en.ts';

export interface SecondFactorData extends Frame, Posting {
  /** Which ways the account has; at least one. The first that is there stands open. */
  readonly totp: boolean;
  /** PublicKeyCredentialRequestOptionsJSON. */
  readonly passkey?: object | undefined;
  readonly recovery: boolean;
  /** What was tried in vain. */
  readonly problem?: 'totp' | 'passkey' | 'recovery' | 'locked' | undefined;
  /** Seconds, with `locked`; without it only an administrator helps. */
  readonly retryAfter?: number | undefined;
  /** Where a form without fields goes that sends the user back to the app. */
  readonly cancel?: string | undefined;
}

type Way = 'passkey' | 'totp' | 'recovery';

export function secondFactorPage(texts: Texts, data: SecondFactorData): string {
  const { secondFactor, common } = texts;
  const ways = waysOf(data);
  const tried = ways.find((way) => way === data.problem) ?? ways[0];
  const others = ways.filter((way) => way !== tried);
  const content = html` <p class="lead">${secondFactor.lead}</p>
    ${problemList(texts, problemsOf(texts, data))}
    ${
      tried !== undefined &&
      html`<section>
        <h2>${secondFactor[tried]}</h2>
        ${forms[tried](texts, data)}
      </section>`
    }
    ${others.length > 0 && html`<h2 class="quiet">${secondFactor.other}</h2>`}
    ${others.map(
      (way) =>
        html`<details>
          <summary>${secondFactor[way]}</summary>
          ${forms[way](texts, data)}
        </details>`,
    )}
    ${data.cancel !== undefined && postForm({ action: data.cancel, csrf: data.csrf }, submitButton(common.cancel, 'plain'))}`;
  const failed = data.problem !== undefined;
  const script = data.passkey === undefined ? {} : { script: data.assets.passkey };
  return documentText(texts, data, { title: secondFactor.title, content, failed, ...script });
}

function waysOf({ passkey, totp, recovery }: SecondFactorData): Way[] {
  const ways: (Way | false)[] = [passkey !== undefined && 'passkey', totp && 'totp', recovery && 'recovery'];
  return ways.filter((way) => way !== false);
}

function problemsOf(texts: Texts, { problem, retryAfter }: SecondFactorData): Problem[] {
  const { problems } = texts.secondFactor;
  if (problem === undefined) return [];
  if (problem === 'locked') return [{ text: lockedText(texts, retryAfter) }];
  return [{ text: problems[problem], field: problem === 'passkey' ? undefined : problem }];
}

const forms: Record<Way, (texts: Texts, data: SecondFactorData) => Html> = {
  passkey: (texts, data) =>
    postForm(
      data,
      html`<input type="hidden" name="factor" value="passkey" />
        <p>${texts.secondFactor.passkeyHint}</p>
        ${passkeyForm({ ...texts.secondFactor, deed: 'get', options: data.passkey ?? {} })}`,
    ),
  totp: (texts, data) =>
    postForm(
      data,
      html`<input type="hidden" name="factor" value="totp" /> ${field({
          name: 'code',
          id: 'totp',
          label: texts.secondFactor.totpLabel,
          hint: texts.secondFactor.totpHint(data.laboratory),
          autocomplete: 'one-time-code',
          inputMode: 'numeric',
          latin: true,
          maxLength: 20,
          first: data.passkey === undefined && data.problem === undefined,
          problem: data.problem === 'totp' ? texts.secondFactor.problems.totp : undefined,
        })}
        ${submitButton(texts.secondFactor.submit)}`,
    ),
  recovery: (texts, data) =>
    postForm(
      data,
      html`<input type="hidden" name="factor" value="recovery" /> ${field({
          name: 'code',
          id: 'recovery',
          label: texts.secondFactor.recoveryLabel,
          hint: texts.secondFactor.recoveryHint,
          autocomplete: 'off',
          latin: true,
          maxLength: 100,
          problem: data.problem === 'recovery' ? texts.secondFactor.problems.recovery : undefined,
        })}
        ${submitButton(texts.secondFactor.submit)}`,
    ),
};
