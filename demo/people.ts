/**
 * People who sign in as they do with a browser: they take up their invitation, choose a password, set up a second factor
 * where their role demands one, and allow an application what it asks for (SMART App Launch 2.2).
 */
import { randomBytes } from 'node:crypto';
import { generateSync } from 'otplib';
import { makeBrowser, makePkce, offeredScopes, type Browser, type Page } from '../test/identity/visitor.ts';
import type { Server } from './server.ts';

export interface Person {
  readonly username: string;
  readonly display: string;
  readonly password: string;
}

export interface NewPerson {
  readonly username: string;
  readonly display: string;
  readonly roles: readonly string[];
  /** As in Practitioner/salma. */
  readonly fhirUser?: string;
}

/** Invites somebody by the command line; the person chooses a password at the link. */
export async function invite(server: Server, { username, display, roles, fhirUser }: NewPerson): Promise<Person> {
  const said = await server.makhbar(
    ...['user', 'add', 'demo', username, '--display', display, '--json'],
    ...roles.flatMap((role) => ['--role', role]),
    ...(fhirUser === undefined ? [] : ['--fhir-user', fhirUser]),
  );
  const link = /https?:[^"\s]+\/invitation\/[^"\s]+/.exec(said)?.[0] ?? '';
  const password = `heron-${randomBytes(9).toString('base64url')}`;
  const browser = makeBrowser();
  const page = await browser.submit(await browser.go(link), [
    ['password', password],
    ['again', password],
  ]);
  if (page.status >= 400) throw new Error(`The invitation of ${username} was not taken up: ${plain(page)}`);
  return { username, display, password };
}

export interface SignIn {
  readonly client: string;
  readonly redirect: string;
  readonly scope: string;
  /** The launch that an EMR prepared. */
  readonly launch?: string;
}

export interface Token {
  readonly access_token: string;
  readonly scope: string;
  readonly patient?: string;
}

/** The authorization code flow with PKCE, through the pages. @throws Error with the page where it does not end with a code. */
export async function signIn(server: Server, person: Person, asked: SignIn): Promise<Token> {
  const { client, redirect, scope, launch } = asked;
  const pkce = makePkce();
  const query = new URLSearchParams({
    ...{ response_type: 'code', client_id: client, redirect_uri: redirect, scope, state: 'day', aud: server.base },
    ...{ code_challenge: pkce.challenge, code_challenge_method: 'S256' },
    ...(launch !== undefined && { launch }),
  });
  const browser = makeBrowser();
  let page = await browser.go(`${server.url}/demo/auth?${query.toString()}`);
  for (let steps = 0; page.leftTo === undefined; steps++) {
    if (steps > 8) throw new Error(`${person.username} is not signed in: ${plain(page)}`);
    page = await answer(browser, page, person);
  }
  const code = page.leftTo.searchParams.get('code');
  if (code === null) throw new Error(`${person.username} is not signed in: ${page.leftTo.href}`);
  const response = await fetch(`${server.url}/demo/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      ...{ grant_type: 'authorization_code', code, redirect_uri: redirect },
      ...{ client_id: client, code_verifier: pkce.verifier },
    }).toString(),
  });
  if (!response.ok) throw new Error(`No token for ${person.username}: ${await response.text()}`);
  return (await response.json()) as Token;
}

async function answer(browser: Browser, page: Page, person: Person): Promise<Page> {
  if (page.status >= 400) throw new Error(`${person.username} is not signed in: ${plain(page)}`);
  if (page.text.includes('name="password"')) {
    return browser.submit(page, [
      ['username', person.username],
      ['password', person.password],
    ]);
  }
  if (page.text.includes('name="decision"')) {
    const granted = offeredScopes(page).map((scope): [string, string] => ['scope', scope]);
    return browser.submit(page, [['decision', 'allow'], ...granted]);
  }
  // Where no role demands a second factor, it is for another day.
  const later = /<\/ul>\s*<p><a href="([^"]*)"/.exec(page.text)?.[1];
  if (page.text.includes('way=totp') && later !== undefined) return browser.go(linked(page, later));
  const app = /href="([^"]*[?&](?:amp;)?way=totp)"/.exec(page.text)?.[1];
  if (app !== undefined) return browser.go(linked(page, app));
  const secret = /<dd><code[^>]*>([A-Z2-7 ]+)</.exec(page.text)?.[1]?.replaceAll(' ', '');
  if (secret !== undefined) return browser.submit(page, [['code', generateSync({ secret })]]);
  const kept = /class="codes"[\s\S]*<a class="button primary" href="([^"]*)"/.exec(page.text)?.[1];
  if (kept !== undefined) return browser.go(linked(page, kept));
  throw new Error(`${person.username} sees a page that was not expected: ${plain(page)}`);
}

function linked({ url }: Page, href: string): string {
  return new URL(href.replaceAll('&amp;', '&'), url).href;
}

function plain({ text }: Page): string {
  return text
    .replaceAll(/<(style|script)[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<[^>]*>|\s+/g, ' ')
    .trim();
}
