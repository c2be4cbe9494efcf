/** The apps that have access in a person's name, what each may do, and a button to withdraw it. */
import type { AccountData, AppAccess } from './account.ts';
import { postForm, submitButton } from './form.ts';
import { html, type Html } from './html.ts';
import { momentText } from './moment.ts';
import { isContextScope, scopeWords } from './scope-words.ts';
import type { Texts } from './texts/en.ts';

export function appList(texts: Texts, data: AccountData): Html {
  const { account } = texts;
  const items = data.apps.map((app) => item(texts, data, app));
  return html`<section aria-labelledby="apps">
    <h2 id="apps">${account.apps}</h2>
    ${
      items.length === 0
        ? html`<p class="hint">${account.noApps}</p>`
        : html`<ul class="things">
            ${items}
          </ul>`
    }
  </section>`;
}

function item(texts: Texts, data: AccountData, app: AppAccess): Html {
  const { account } = texts;
  const at = (time: Date): string => momentText(texts, time, data.timezone);
  const times = [
    account.appSince(at(app.since)),
    app.used !== undefined && account.appUsed(at(app.used)),
    app.until !== undefined && account.appUntil(at(app.until)),
  ];
  const posting = { action: `${data.root}/account/apps/revoke`, csrf: data.csrf };
  return html`<li>
    <div>
      <h3><bdi>${app.name}</bdi></h3>
      <p class="facts">${times.filter((time) => time !== false).map((time) => html`<span>${time}</span> `)}</p>
      ${app.patient !== undefined && html`<p>${account.appPatient(app.patient.name)}</p>`}
      <details>
        <summary>${account.appMay}</summary>
        <ul>
          ${app.scopes.filter((scope) => !isContextScope(scope)).map((scope) => permission(texts, app, scope))}
        </ul>
      </details>
    </div>
    ${postForm(
      posting,
      html`<input type="hidden" name="grant" value="${app.grant}" />
        ${submitButton(account.revoke, 'danger', { says: account.revokeNamed(app.name) })}`,
    )}
  </li>`;
}

function permission(texts: Texts, app: AppAccess, scope: string): Html {
  const { label, detail, where } = scopeWords(texts, scope, app.patient?.self ?? false);
  return html`<li>
    ${label} ${detail !== undefined && html`<span class="hint">· ${detail}</span>`}
    ${where !== undefined && html`<span class="hint">· ${texts.scopes.where} <code dir="ltr">${where}</code></span>`}
  </li>`;
}
