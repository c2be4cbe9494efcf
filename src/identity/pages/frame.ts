/** What every page of a laboratory is drawn with, and the headers that it is sent with. */
import type { Context } from 'koa';
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Assets, Frame } from '../../pages/document.ts';
import { chooseLanguage, languageOf, texts } from '../../pages/texts/language.ts';
import type { Texts } from '../../pages/texts/en.ts';
import { derivedKey, type Laboratory } from '../laboratory.ts';
import { assetAddress } from './assets.ts';

export const languageCookie = 'language';

/** The visitor's language; one that was just asked for is remembered. */
export function textsFor(laboratory: Laboratory, ctx: Context, uiLocales?: string): Texts {
  const asked = typeof ctx.query['ui_locales'] === 'string' ? ctx.query['ui_locales'] : undefined;
  const cookie = ctx.cookies.get(languageCookie, { signed: false });
  const chosen = asked
    ?.split(' ')
    .map(languageOf)
    .find((language) => language !== undefined);
  if (chosen !== undefined && chosen !== cookie) {
    ctx.cookies.set(languageCookie, chosen, {
      signed: false,
      httpOnly: true,
      sameSite: 'lax',
      path: laboratory.root === '' ? '/' : laboratory.root,
      maxAge: 365 * 86_400_000,
    });
  }
  const wishes = { uiLocales: chosen ?? (cookie === undefined ? uiLocales : undefined), cookie };
  return texts[chooseLanguage({ ...wishes, acceptLanguage: ctx.get('accept-language') })];
}

/** @param here path below the laboratory's root at which a GET shows the page */
export function frameOf({ tenant, root }: Pick<Laboratory, 'tenant' | 'root'>, here: string): Frame {
  const assets: Assets = {
    style: root + assetAddress('style.css'),
    icon: root + assetAddress('icon.svg'),
    passkey: root + assetAddress('passkey.js'),
    ...(tenant.settings.logo !== undefined && { logo: tenant.settings.logo }),
    ...(tenant.settings.colour !== undefined && {
      colour: `${root}/assets/colour.css?${tenant.settings.colour.slice(1)}`,
    }),
  };
  return { laboratory: tenant.title, root, assets, here: root + here, timezone: tenant.settings.timezone };
}

/**
 * Sends a page. Nothing inline runs, nothing is loaded from elsewhere, no other page may frame it.
 * @param goesTo where else a form may lead: browsers apply form-action to the redirects after it, too
 */
export function sendPage(
  ctx: Context,
  page: string,
  { status = 200, goesTo }: { status?: number; goesTo?: string } = {},
): void {
  ctx.status = status;
  ctx.set('content-security-policy', policyOf(goesTo, logoOrigin(ctx)));
  ctx.set('cache-control', 'no-store');
  ctx.type = 'html';
  ctx.body = page;
}

/** Noted for each request by `noteLogo`, because a page is sent where the laboratory is not at hand. */
function logoOrigin(ctx: Context): string | undefined {
  return (ctx.state as { logo?: string }).logo;
}

export function noteLogo(ctx: Context, { tenant }: Laboratory): void {
  (ctx.state as { logo?: string | undefined }).logo = originOf(tenant.settings.logo);
}

/** @param logo the origin of the laboratory's own logo */
export function policyOf(goesTo?: string, logo?: string): string {
  const action = goesTo === undefined ? "'self'" : `'self' ${goesTo}`;
  return [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    `img-src 'self' data:${logo === undefined ? '' : ` ${logo}`}`,
    `form-action ${action}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

/** The origin of an address, or its scheme where it is a native application's. */
export function originOf(address: unknown): string | undefined {
  if (typeof address !== 'string' || !URL.canParse(address)) return undefined;
  const { origin, protocol } = new URL(address);
  return origin === 'null' ? protocol : origin;
}

/** A token for the forms of one interaction or session: who has it has seen the page. */
export function formToken(laboratory: Laboratory, bound: string): string {
  return createHmac('sha256', derivedKey(laboratory, 'forms')).update(bound).digest('base64url');
}

export function isFormToken(laboratory: Laboratory, bound: string, given: string): boolean {
  const expected = Buffer.from(formToken(laboratory, bound));
  const sent = Buffer.from(given);
  return sent.length === expected.length && timingSafeEqual(sent, expected);
}
