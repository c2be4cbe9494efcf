/**
 * What a person sees of the own account: apps with access, sessions, the password, the second steps.
 *
 * Forms, all with `csrf`, below `{root}/account`:
 *   /apps/revoke `grant`   /sessions/end `session`   /sessions/end-others   /factors/remove `factor`   /recovery-codes
 * Links: /password, /factors/totp, /factors/passkey; signing out is {root}/session/end.
 */
import { appList } from './account-apps.ts';
import { factorList } from './account-factors.ts';
import { sessionList } from './account-sessions.ts';
import { documentText, type Frame } from './document.ts';
import { html } from './html.ts';
import type { Texts } from './texts/en.ts';

export interface AccountData extends Frame {
  readonly csrf: string;
  readonly username: string;
  readonly apps: readonly AppAccess[];
  readonly sessions: readonly SessionOfMine[];
  readonly factors: readonly Factor[];
  /** Undefined: none were made. */
  readonly recoveryCodes?: number | undefined;
  /** A role of the account demands a second step. */
  readonly factorNeeded: boolean;
  /** What was just done. */
  readonly done?: keyof Texts['account']['done'] | undefined;
}

export interface AppAccess {
  readonly grant: string;
  readonly name: string;
  readonly since: Date;
  readonly used?: Date | undefined;
  readonly until?: Date | undefined;
  readonly scopes: readonly string[];
  readonly patient?: { readonly name: string; readonly self: boolean } | undefined;
}

export interface SessionOfMine {
  readonly id: string;
  readonly since: Date;
  readonly current: boolean;
}

export interface Factor {
  readonly id: string;
  readonly kind: 'totp' | 'passkey';
  readonly name?: string | undefined;
  readonly since: Date;
  readonly used?: Date | undefined;
}

export function accountPage(texts: Texts, data: AccountData): string {
  const { account } = texts;
  const content = html`
    <p class="lead">
      <bdi dir="ltr">${data.username}</bdi> · <a href="${data.root}/session/end">${account.signOut}</a>
    </p>
    ${data.done !== undefined && html`<p class="notice good" role="status">${account.done[data.done]}</p>`}
    ${appList(texts, data)} ${factorList(texts, data)}
    <section aria-labelledby="password">
      <h2 id="password">${account.password}</h2>
      <p><a class="button plain" href="${data.root}/account/password">${account.changePassword}</a></p>
    </section>
    ${sessionList(texts, data)}
  `;
  return documentText(texts, data, { title: account.title, content, width: 'wide' });
}
