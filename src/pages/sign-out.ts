/**
 * Signing out: the question before (an app may have sent the browser here), and what is said afterwards.
 *
 * The question posts `xsrf` and `logout` = yes to `action`; without `logout` the session stays and the browser goes on.
 */
import { documentText, type Frame } from './document.ts';
import { submitButton } from './form.ts';
import { html } from './html.ts';
import type { Texts } from './texts/en.ts';

export interface SignOutData extends Frame {
  readonly action: string;
  /** The OpenID provider's own token against forged requests. */
  readonly xsrf: string;
  /** Name of the app that asks for it. */
  readonly app?: string | undefined;
}

export function signOutPage(texts: Texts, data: SignOutData): string {
  const { signOut } = texts;
  const content = html`
    <p class="lead">${data.app === undefined ? signOut.lead : signOut.leadForApp(data.app)}</p>
    <form method="post" action="${data.action}">
      <input type="hidden" name="xsrf" value="${data.xsrf}" />
      <div class="row">
        ${submitButton(signOut.submit, 'primary', { name: 'logout', value: 'yes' })}
        ${submitButton(signOut.stay, 'plain')}
      </div>
    </form>
  `;
  return documentText(texts, data, { title: signOut.title, content });
}

export function signedOutPage(texts: Texts, frame: Frame): string {
  const { signOut } = texts;
  const content = html`
    <p class="notice good" role="status">${signOut.ended}</p>
    <p>${signOut.close}</p>
    <p><a href="${frame.root}/account">${signOut.again}</a></p>
  `;
  return documentText(texts, frame, { title: signOut.endedTitle, content });
}
