/** Where a person is signed in, with buttons to end the others. */
import type { AccountData, SessionOfMine } from './account.ts';
import { postForm, submitButton } from './form.ts';
import { html, type Html } from './html.ts';
import { momentText } from './moment.ts';
import type { Texts } from './texts/en.ts';

export function sessionList(texts: Texts, data: AccountData): Html {
  const { account } = texts;
  const items = data.sessions.map((session) => item(texts, data, session));
  const others = data.sessions.filter(({ current }) => !current).length;
  const posting = { action: `${data.root}/account/sessions/end-others`, csrf: data.csrf };
  return html`<section aria-labelledby="sessions">
    <h2 id="sessions">${account.sessions}</h2>
    <ul class="things">
      ${items}
    </ul>
    ${others > 1 && postForm(posting, submitButton(account.endOthers, 'danger'))}
  </section>`;
}

function item(texts: Texts, data: AccountData, session: SessionOfMine): Html {
  const { account } = texts;
  const since = momentText(texts, session.since, data.timezone);
  const posting = { action: `${data.root}/account/sessions/end`, csrf: data.csrf };
  const end = html`<input type="hidden" name="session" value="${session.id}" />
    ${submitButton(account.end, 'danger', { says: account.endNamed(since) })}`;
  return html`<li>
    <div>
      <h3>${session.current ? account.thisSession : account.otherSession}</h3>
      <p class="facts">${account.sessionSince(since)}</p>
    </div>
    ${!session.current && postForm(posting, end)}
  </li>`;
}
