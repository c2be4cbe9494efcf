/**
 * A new password: of one's own accord, after an invitation, or with a link to reset it.
 *
 * passwordPage posts `csrf`, `current`, `password`, `again`; setPasswordPage `csrf`, `password`, `again`.
 * The user name stands in a field that cannot be changed, so that password managers know what to keep.
 */
import { documentText, type Frame } from './document.ts';
import { field, lockedText, postForm, problemList, submitButton, type Posting, type Problem } from './form.ts';
import { html, type Html } from './html.ts';
import type { Texts } from './texts/en.ts';

interface NewPassword extends Frame, Posting {
  readonly username: string;
  /** Characters that a password has at least. */
  readonly minimum: number;
  readonly problem?: 'current' | 'short' | 'long' | 'name' | 'common' | 'same' | 'again' | 'locked' | undefined;
  /** Seconds, with `locked`. */
  readonly retryAfter?: number | undefined;
}

export type PasswordData = NewPassword;

export interface SetPasswordData extends NewPassword {
  readonly purpose: 'invitation' | 'reset';
  /** Display name of the account. */
  readonly name: string;
}

export function passwordPage(texts: Texts, data: PasswordData): string {
  const { password } = texts;
  const current = field({
    name: 'current',
    label: password.current,
    type: 'password',
    autocomplete: 'current-password',
    maxLength: 1000,
    first: data.problem === undefined,
    problem: data.problem === 'current' ? password.problems.current : undefined,
  });
  const content = html`
    ${problemList(texts, problemsOf(texts, data))} ${postForm(data, html`${current}${newFields(texts, data)}`)}
    <p class="after"><a href="${data.root}/account">${password.back}</a></p>
  `;
  return documentText(texts, data, { title: password.title, content, failed: data.problem !== undefined });
}

export function setPasswordPage(texts: Texts, data: SetPasswordData): string {
  const { password } = texts;
  const invited = data.purpose === 'invitation';
  const content = html`
    <p class="lead">${invited ? password.welcomeLead(data.name) : password.resetLead(data.name)}</p>
    ${problemList(texts, problemsOf(texts, data))}
    ${postForm(
      data,
      html`<p class="known">
          <span>${password.username}</span> <strong><bdi dir="ltr">${data.username}</bdi></strong>
        </p>
        ${newFields(texts, data)}`,
    )}
  `;
  const title = invited ? password.welcome(data.laboratory) : password.resetTitle;
  return documentText(texts, data, { title, content, failed: data.problem !== undefined });
}

function problemsOf(texts: Texts, { problem, retryAfter }: NewPassword): Problem[] {
  if (problem === undefined) return [];
  if (problem === 'locked') return [{ text: lockedText(texts, retryAfter) }];
  const at = problem === 'current' || problem === 'again' ? problem : 'password';
  return [{ text: texts.password.problems[problem], field: at }];
}

function newFields({ password }: Texts, { username, minimum, problem }: NewPassword): Html {
  const wrong = aboutNew.find((one) => one === problem);
  return html`<input type="text" name="username" value="${username}" autocomplete="username" readonly hidden /> ${field(
      {
        name: 'password',
        label: password.next,
        hint: password.hint(String(minimum)),
        type: 'password',
        autocomplete: 'new-password',
        maxLength: 1000,
        problem: wrong && password.problems[wrong],
      },
    )}
    ${field({
      name: 'again',
      label: password.again,
      type: 'password',
      autocomplete: 'new-password',
      maxLength: 1000,
      problem: problem === 'again' ? password.problems.again : undefined,
    })}
    ${submitButton(password.submit)}`;
}

const aboutNew = ['short', 'long', 'name', 'common', 'same'] as const;
