/**
 * May this app have what it asks for? Each scope is a sentence with a tick; the user may grant less.
 *
 * Posts to `action`: `csrf`, `decision` = allow | deny, and `scope` once for each scope that is kept, as it was asked
 * for. Scopes that only tell the app what it was opened for (launch, fhirUser, …) are kept without a tick.
 */
import { documentText, type Frame } from './document.ts';
import { checkedAttribute, postForm, problemList, submitButton, type Posting } from './form.ts';
import { html, linkAddress, type Html } from './html.ts';
import { durationText } from './moment.ts';
import { isContextScope, scopeWords } from './scope-words.ts';
import type { Texts } from './texts/en.ts';

export interface GrantData extends Frame, Posting {
  readonly app: {
    readonly name: string;
    /** Its home page, if one is registered. */
    readonly address?: string | undefined;
    /** Where the browser goes afterwards: the origin of the redirect URI, or its scheme. */
    readonly returnsTo: string;
  };
  /** What was asked for and may be granted, in the order of asking. */
  readonly scopes: readonly string[];
  /** What stays ticked after a problem. Default all. */
  readonly kept?: readonly string[] | undefined;
  readonly patient?: { readonly name: string; readonly self: boolean } | undefined;
  /** Seconds, or how long a refresh token makes it last. */
  readonly lasts: number | 'online' | 'offline';
  readonly problem?: 'nothing' | undefined;
}

export function grantPage(texts: Texts, data: GrantData): string {
  const { grant } = texts;
  const problem = data.problem && grant.problems[data.problem];
  const choices = data.scopes.filter((scope) => !isContextScope(scope));
  const content = html` <p class="lead">${grant.lead(data.app.name)} ${grant.unverified}</p>
    ${problemList(texts, problem === undefined ? [] : [{ text: problem, field: 'scope-0' }])}
    ${postForm(
      data,
      html`${data.scopes.filter(isContextScope).map((scope) => html`<input type="hidden" name="scope" value="${scope}" />`)}
        ${facts(texts, data)} ${choices.length > 0 && ticks(texts, data, choices)}
        <div class="row">
          ${submitButton(grant.allow, 'primary', { name: 'decision', value: 'allow' })}
          ${submitButton(grant.deny, 'plain', { name: 'decision', value: 'deny' })}
        </div>
        <p class="hint">${grant.withdraw}</p>`,
    )}`;
  return documentText(texts, data, {
    title: grant.title(data.app.name),
    content,
    failed: problem !== undefined,
  });
}

function facts(texts: Texts, { app, patient, lasts }: GrantData): Html {
  const { grant } = texts;
  const address = linkAddress(app.address);
  return html`<dl class="facts-list">
    ${
      patient !== undefined &&
      html`<div>
        <dt>${grant.patient}</dt>
        <dd><bdi>${patient.name}</bdi></dd>
      </div>`
    }
    <div>
      <dt>${grant.lasts}</dt>
      <dd>${lastsText(texts, lasts)}</dd>
    </div>
    <div>
      <dt>${grant.returnsTo}</dt>
      <dd><bdi dir="ltr">${app.returnsTo}</bdi></dd>
    </div>
    ${
      address !== undefined &&
      html`<div>
        <dt>${grant.website}</dt>
        <dd>
          <a href="${address}" rel="noopener noreferrer" target="_blank"><bdi dir="ltr">${address}</bdi></a>
        </dd>
      </div>`
    }
  </dl>`;
}

function lastsText(texts: Texts, lasts: GrantData['lasts']): string {
  const { grant } = texts;
  if (lasts === 'online') return grant.lastsOnline;
  if (lasts === 'offline') return grant.lastsOffline;
  return grant.lastsShort(durationText(texts, lasts));
}

function ticks(texts: Texts, data: GrantData, choices: readonly string[]): Html {
  const { grant } = texts;
  const items = choices.map((scope, at) => tick(texts, data, { scope, at }));
  return html`<fieldset>
    <legend>${grant.may}</legend>
    <p class="hint">${grant.mayHint}</p>
    <ul class="choices">
      ${items}
    </ul>
  </fieldset>`;
}

function tick(texts: Texts, data: GrantData, { scope, at }: { scope: string; at: number }): Html {
  const { label, detail, where } = scopeWords(texts, scope, data.patient?.self ?? false);
  const on = data.kept?.includes(scope) ?? true;
  return html`<li>
    <label for="scope-${at}"
      ><input type="checkbox" id="scope-${at}" name="scope" value="${scope}" ${checkedAttribute(on)} />
      <span
        >${label} ${detail !== undefined && html`<span class="facts">${detail}</span>`}
        ${where !== undefined && html`<span class="facts">${texts.scopes.where} <code dir="ltr">${where}</code></span>`}</span
      ></label
    >
  </li>`;
}
