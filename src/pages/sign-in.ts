/**
 * Sign in with user name and password.
 *
 * Posts `csrf`, `username`, `password` to `action`; `csrf` alone to `cancel`.
 */
import { documentText, type Frame } from './document.ts';
import { field, lockedText, postForm, problemList, submitButton, type Posting, type Problem } from './form.ts';
import { html, type Html } from './html.ts';
import type { Texts } from './texts/en.ts';

export interface SignInData extends Frame, Posting {
  /** Name of the app that asks for it; none for the account pages. */
  readonly app?: string | undefined;
  /** Somebody is signed in, but must show it anew for what comes next. */
  readonly again?: boolean | undefined;
  /** What was entered before. The password is never shown again. */
  readonly username?: string | undefined;
  readonly problem?: 'username' | 'password' | 'credentials' | 'locked' | 'disabled' | undefined;
  /** Seconds, with `locked`; without it only an administrator helps. */
  readonly retryAfter?: number | undefined;
  /** Where a form without fields goes that sends the user back to the app. */
  readonly cancel?: string | undefined;
}

export function signInPage(texts: Texts, data: SignInData): string {
  const { signIn, common } = texts;
  const problems = problemsOf(texts, data);
  const content = html` <p class="lead">${lead(texts, data)}</p>
    ${problemList(texts, problems)} ${postForm(data, fields(texts, data))}
    ${data.cancel !== undefined && postForm({ action: data.cancel, csrf: data.csrf }, submitButton(common.cancel, 'plain'))}
    <details>
      <summary>${signIn.forgot}</summary>
      <p>${signIn.forgotHelp}</p>
    </details>`;
  return documentText(texts, data, { title: signIn.title, content, failed: problems.length > 0 });
}

function lead({ signIn }: Texts, { app, again, laboratory }: SignInData): string {
  if (again === true) return signIn.leadAgain;
  return app === undefined ? signIn.lead(laboratory) : signIn.leadForApp(app);
}

function problemsOf(texts: Texts, { problem, retryAfter }: SignInData): Problem[] {
  const { problems } = texts.signIn;
  if (problem === undefined) return [];
  if (problem === 'locked') return [{ text: lockedText(texts, retryAfter) }];
  if (problem === 'disabled') return [{ text: problems.disabled }];
  return [{ text: problems[problem], field: problem === 'password' ? 'password' : 'username' }];
}

function fields({ signIn }: Texts, { username, problem }: SignInData): Html {
  const missing = (name: 'username' | 'password'): string | undefined =>
    problem === name ? signIn.problems[name] : undefined;
  return html` ${field({
    name: 'username',
    label: signIn.username,
    autocomplete: 'username',
    latin: true,
    value: username,
    first: problem === undefined,
    problem: missing('username'),
  })}
  ${field({
    name: 'password',
    label: signIn.password,
    type: 'password',
    autocomplete: 'current-password',
    maxLength: 1000,
    problem: missing('password'),
  })}
  ${submitButton(signIn.submit)}`;
}
