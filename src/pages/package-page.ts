/**
 * The page that tells what a package of a laboratory is, in English, French and Arabic one below the other: it is opened
 * from a disk, without a server that could ask for a language, and without script. Pure.
 */
import { html, htmlText, type Html } from './html.ts';
import { packageWords, type PackageWords } from './package-words.ts';

export interface PackageFacts {
  readonly laboratory: string;
  readonly title: string;
  readonly moment: string;
  readonly made: string;
  readonly history: boolean;
  readonly counts: Readonly<Record<string, { readonly current: number; readonly versions: number }>>;
  readonly audit: { readonly seals: number; readonly events: number };
  readonly files: readonly { readonly path: string }[];
}

const style = html`<style>
  body {
    font:
      16px/1.6 system-ui,
      'Noto Sans',
      'Noto Sans Arabic',
      sans-serif;
    max-width: 52rem;
    margin: 0 auto;
    padding: 1rem;
    color: #1b2733;
  }
  nav a {
    margin-inline-end: 1rem;
  }
  section {
    border-top: 2px solid #0b5d7a;
    margin-top: 2rem;
  }
  table {
    border-collapse: collapse;
    width: 100%;
  }
  th,
  td {
    text-align: start;
    padding: 0.2rem 0.6rem;
    border-bottom: 1px solid #d5dde3;
  }
  td.number,
  th.number {
    text-align: end;
  }
  pre {
    background: #f2f5f7;
    padding: 0.6rem;
    overflow-x: auto;
    text-align: left;
  }
  dt {
    font-weight: 600;
  }
  dd {
    margin: 0 0 0.4rem;
    overflow-wrap: anywhere;
  }
</style>`;

export function packagePage(facts: PackageFacts, thumbprint: string): string {
  return htmlText(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>${facts.title}</title>
          ${style}
        </head>
        <body>
          <h1><bdi>${facts.title}</bdi></h1>
          <nav>
            ${packageWords.map(({ language, name }) => html`<a href="#${language}" lang="${language}">${name}</a>`)}
          </nav>
          ${packageWords.map((words) => section(words, facts, thumbprint))}
        </body>
      </html> `,
  );
}

function section(words: PackageWords, facts: PackageFacts, thumbprint: string): Html {
  const { language, direction } = words;
  return html`<section id="${language}" lang="${language}" dir="${direction}">
    <h2>${words.title}</h2>
    <p>${words.intro} ${words.without}</p>
    <dl>
      <dt>${words.moment}</dt>
      <dd>${code(facts.moment)}</dd>
      <dt>${words.made}</dt>
      <dd>${code(facts.made)}</dd>
      <dt>${words.key}</dt>
      <dd>${code(thumbprint)}</dd>
    </dl>
    ${places(words, facts)} ${counts(words, facts)}
    <h3>${words.check}</h3>
    <p>${words.checkText}</p>
    <pre dir="ltr">node verify.mjs</pre>
    <p>${words.keyText}</p>
    <pre dir="ltr">node verify.mjs --key THUMBPRINT</pre>
    <h3>${words.load}</h3>
    <p>${words.loadText}</p>
    <pre dir="ltr">npx makhbar import resources --tenant NAME</pre>
  </section>`;
}

/** Left to right in every language. */
function code(text: string): Html {
  return html`<bdi dir="ltr">${text}</bdi>`;
}

function places(words: PackageWords, { files }: PackageFacts): Html {
  const [title, path, what] = words.contents;
  const there = Object.entries(words.files).filter(([name]) => files.some((file) => file.path.startsWith(`${name}/`)));
  return html`<h3>${title}</h3>
    <table>
      <thead>
        <tr>
          <th>${path}</th>
          <th>${what}</th>
        </tr>
      </thead>
      <tbody>
        ${there.map(
          ([name, text]) =>
            html`<tr>
              <td><a href="${name}/">${code(`${name}/`)}</a></td>
              <td>${text}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
}

function counts(words: PackageWords, facts: PackageFacts): Html {
  const [title, type, current, versions] = words.counts;
  const numbers = new Intl.NumberFormat(words.language, { numberingSystem: 'latn' });
  const row = (name: Html | string, first: number, second: number | undefined): Html =>
    html`<tr>
      <td>${name}</td>
      <td class="number">${code(numbers.format(first))}</td>
      <td class="number">${second === undefined ? '' : code(numbers.format(second))}</td>
    </tr>`;
  return html`<h3>${title}</h3>
    <table>
      <thead>
        <tr>
          <th>${type}</th>
          <th class="number">${current}</th>
          <th class="number">${versions}</th>
        </tr>
      </thead>
      <tbody>
        ${Object.entries(facts.counts).map(([name, one]) => row(code(name), one.current, one.versions))}
        ${row(words.events, facts.audit.events, undefined)} ${row(words.seals, facts.audit.seals, undefined)}
      </tbody>
    </table>`;
}
