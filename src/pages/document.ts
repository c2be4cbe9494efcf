/**
 * What all pages share: head, the laboratory's name and mark, the languages, and where the content stands.
 *
 * A page is `(texts, data) => string`, a whole document. It has no inline script and no inline style (the
 * Content-Security-Policy forbids them) and works without JavaScript.
 */
import { html, htmlText, type Html } from './html.ts';
import { languages } from './texts/language.ts';
import type { Texts } from './texts/en.ts';

/** Every page's data extends this. */
export interface Frame {
  /** The laboratory's title. */
  readonly laboratory: string;
  /** Path of the laboratory's root without a slash at its end: `/demo`, or '' below a domain of its own. */
  readonly root: string;
  /** Addresses of what the page loads, below root. */
  readonly assets: Assets;
  /** Path at which a GET shows this page, for the links that change its language. */
  readonly here: string;
  /** IANA zone for dates and times. Default UTC. */
  readonly timezone?: string | undefined;
  /** Display name of who is signed in. */
  readonly signedInAs?: string | undefined;
}

export interface Assets {
  readonly style: string;
  readonly icon: string;
  readonly passkey: string;
  /** Rules for the laboratory's own colour (colour.ts). */
  readonly colour?: string | undefined;
  /** The laboratory's own logo. */
  readonly logo?: string | undefined;
}

export interface Content {
  readonly title: string;
  readonly content: Html;
  /** Something is wrong: the title says so first, for those who hear it. */
  readonly failed?: boolean;
  readonly width?: 'narrow' | 'wide';
  /** Address of a script of this server. */
  readonly script?: string;
}

export function documentText(texts: Texts, frame: Frame, page: Content): string {
  const { title, content, failed = false, width = 'narrow' } = page;
  const { common } = texts;
  return htmlText(
    html`<!doctype html>
      <html lang="${texts.language}" dir="${texts.direction}">
        <head>
          <meta charset="utf-8" />
          <title>${failed ? common.error(title) : title} · ${frame.laboratory}</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="robots" content="noindex" />
          <link rel="icon" href="${frame.assets.icon}" />
          <link rel="stylesheet" href="${frame.assets.style}" />
          ${frame.assets.colour !== undefined && html`<link rel="stylesheet" href="${frame.assets.colour}" />`}
          ${page.script !== undefined && html`<script src="${page.script}" defer></script>`}
        </head>
        <body>
          ${width === 'wide' && html`<a class="skip" href="#content">${common.skip}</a>`}
          <header class="top ${width}">${mark(frame)}${who(texts, frame)}</header>
          <main id="content" class="${width}">
            <h1>${title}</h1>
            ${content}
          </main>
          <footer class="${width}">${languageLinks(texts, frame)}</footer>
        </body>
      </html> `,
  );
}

function mark({ assets, laboratory }: Frame): Html {
  return html`<p class="mark">
    <img src="${assets.logo ?? assets.icon}" alt="" height="40" /> <bdi>${laboratory}</bdi>
  </p>`;
}

function who(texts: Texts, { signedInAs }: Frame): Html | undefined {
  if (signedInAs === undefined) return undefined;
  return html`<p class="who">${texts.common.signedInAs(signedInAs)}</p>`;
}

function languageLinks(texts: Texts, { here }: Frame): Html {
  const separator = here.includes('?') ? '&' : '?';
  const links = languages.map(({ language, languageName, direction }) =>
    language === texts.language
      ? html`<li><span aria-current="true">${languageName}</span></li>`
      : html`<li>
          <a
            href="${here}${separator}ui_locales=${language}"
            lang="${language}"
            hreflang="${language}"
            dir="${direction}"
            >${languageName}</a
          >
        </li>`,
  );
  return html`<nav aria-label="${texts.common.language}">
    <ul>
      ${links}
    </ul>
  </nav>`;
}
