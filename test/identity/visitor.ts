/** A browser without a screen: keeps cookies, follows redirects, fills in forms. No part of the server. */
import { createHash, randomBytes } from 'node:crypto';

/** A browser: keeps cookies, shows no page, never leaves the server. */
export interface Browser {
  /** Follows redirects below the server; ends at a page, or at the address outside to which it was sent. */
  go(url: string, init?: RequestInit): Promise<Page>;
  /** Posts a form of a page: its hidden fields and these. */
  submit(page: Page, fields: Iterable<readonly [string, string]>, to?: string): Promise<Page>;
  readonly cookies: Map<string, Cookie>;
}

interface Cookie {
  readonly value: string;
  readonly path: string;
  readonly attributes: string;
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** Where the browser was sent outside of the server. */
  readonly leftTo: URL | undefined;
}

export function makeBrowser(): Browser {
  const cookies = new Map<string, Cookie>();
  const go: Browser['go'] = async (url, init = {}) => {
    const { origin, pathname } = new URL(url);
    const sent = [...cookies].filter(
      ([, { path }]) => pathname === path || pathname.startsWith(path.replace(/\/?$/, '/')),
    );
    const headers = new Headers(init.headers);
    if (sent.length > 0)
      headers.set('cookie', sent.map(([key, { value }]) => `${key.split(' ')[0]}=${value}`).join('; '));
    if (!headers.has('accept')) headers.set('accept', 'text/html');
    const answer = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) keep(cookies, line);
    const location = answer.headers.get('location');
    const text = await answer.text();
    const page = { url, status: answer.status, text, headers: answer.headers, leftTo: undefined };
    if (answer.status < 300 || answer.status > 399 || location === null) return page;
    const next = new URL(location, url);
    return next.origin === origin ? await go(next.href) : { ...page, leftTo: next };
  };
  return {
    cookies,
    go,
    submit: async (page, fields, to = formOf(page).action) => {
      const body = new URLSearchParams([
        ['csrf', formOf(page).csrf],
        ...[...fields].map(([name, value]): [string, string] => [name, value]),
      ]);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return await go(new URL(to, page.url).href, { method: 'POST', body: body.toString(), headers });
    },
  };
}

function keep(cookies: Map<string, Cookie>, line: string): void {
  const [pair = '', ...attributes] = line.split('; ');
  const at = pair.indexOf('=');
  const path = attributes.find((one) => one.toLowerCase().startsWith('path='))?.slice(5) ?? '/';
  const key = `${pair.slice(0, at)} ${path}`;
  if (/expires=thu, 01 jan 1970/i.test(line)) cookies.delete(key);
  else cookies.set(key, { value: pair.slice(at + 1), path, attributes: attributes.join('; ') });
}

/** The first form of a page, and its hidden values. */
export function formOf(page: Page): { action: string; csrf: string } {
  const unescaped = (text = ''): string =>
    text.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&quot;', '"');
  return {
    action: unescaped(/<form[^>]* action="([^"]*)"/.exec(page.text)?.[1] ?? page.url),
    csrf: unescaped(/name="csrf" value="([^"]*)"/.exec(page.text)?.[1]),
  };
}

/** The scopes that a grant page offers. */
export function offeredScopes(page: Page): string[] {
  return [...page.text.matchAll(/name="scope"\s+value="([^"]*)"/g)].map(([, value = '']) =>
    value.replaceAll('&amp;', '&'),
  );
}

export interface Pkce {
  readonly verifier: string;
  readonly challenge: string;
}

export function makePkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}
