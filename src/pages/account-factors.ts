/** The second steps of an account: what is set up, adding another, the recovery codes. */
import type { AccountData, Factor } from './account.ts';
import { postForm, submitButton } from './form.ts';
import { html, type Html } from './html.ts';
import { momentText } from './moment.ts';
import type { Texts } from './texts/en.ts';

export function factorList(texts: Texts, data: AccountData): Html {
  const { account } = texts;
  const { factors, factorNeeded, root } = data;
  const last = factors.length === 1 && factorNeeded;
  const items = factors.map((factor) => item(texts, data, { factor, removable: !last }));
  return html`<section aria-labelledby="factors">
    <h2 id="factors">${account.factors}</h2>
    ${
      factors.length === 0
        ? html`<p class="hint">${account.noFactors}</p>`
        : html`<ul class="things">
            ${items}
          </ul>`
    }
    ${last && html`<p class="hint">${account.factorNeeded}</p>`}
    <p class="row start">
      <a class="button plain" href="${root}/account/factors/totp">${account.addTotp}</a>
      <a class="button plain" href="${root}/account/factors/passkey">${account.addPasskey}</a>
    </p>
    ${factors.length > 0 && recovery(texts, data)}
  </section>`;
}

function item(texts: Texts, data: AccountData, { factor, removable }: { factor: Factor; removable: boolean }): Html {
  const { account } = texts;
  const kind = account.kinds[factor.kind];
  const name = factor.name === undefined || factor.name === '' ? kind : factor.name;
  const at = (time: Date): string => momentText(texts, time, data.timezone);
  const posting = { action: `${data.root}/account/factors/remove`, csrf: data.csrf };
  const remove = html`<input type="hidden" name="factor" value="${factor.id}" />
    ${submitButton(account.remove, 'danger', { says: account.removeNamed(name) })}`;
  return html`<li>
    <div>
      <h3><bdi>${name}</bdi></h3>
      <p class="facts">
        ${name !== kind && html`<span>${kind}</span>`} <span>${account.factorSince(at(factor.since))}</span>
        ${factor.used !== undefined && html`<span>${account.factorUsed(at(factor.used))}</span>`}
      </p>
    </div>
    ${removable && postForm(posting, remove)}
  </li>`;
}

function recovery({ account }: Texts, { recoveryCodes, root, csrf }: AccountData): Html {
  return html`<div class="row start">
    ${recoveryCodes !== undefined && html`<p>${account.codesLeft(String(recoveryCodes))}</p>`}
    ${postForm({ action: `${root}/account/recovery-codes`, csrf }, submitButton(account.newCodes, 'plain'))}
  </div>`;
}
