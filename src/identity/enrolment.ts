/**
 * Setting up a second factor by pages, while signing in or in the account: shows the page, or takes what it posted.
 * True once the factor is set up; otherwise a page was sent.
 */
import type { Context } from 'koa';
import type { Authentication } from '../access/authentication.ts';
import type { Frame } from '../pages/document.ts';
import { enrolPasskeyPage, enrolTotpPage } from '../pages/enrol.ts';
import type { Posting } from '../pages/form.ts';
import type { Texts } from '../pages/texts/en.ts';
import type { Account } from '../store/accounts.ts';
import { tellingChange } from './audit-deeds.ts';
import type { Laboratory } from './laboratory.ts';
import { sendPage } from './pages/frame.ts';
import { finishPasskeyEnrolment, startPasskeyEnrolment } from './passkeys.ts';
import { confirmTotp, startTotp } from './totp.ts';

export interface Enrolling {
  readonly laboratory: Laboratory;
  readonly ctx: Context;
  readonly account: Account;
  /** The caller's network address. */
  readonly address: string;
  /** How the person signed in. */
  readonly shown: Authentication;
  /** Posted fields, their token checked. */
  readonly form: URLSearchParams | undefined;
  readonly texts: Texts;
  readonly frame: Frame;
  readonly posting: Posting;
}

export async function enrolTotp(enrolling: Enrolling, { back }: { back: string }): Promise<boolean> {
  const { laboratory, ctx, account, address, form, texts, frame, posting, shown } = enrolling;
  const { identity, tenant } = laboratory;
  const code = form?.get('code') ?? undefined;
  const told = tellingChange(enrolling, account, 'factor add totp');
  if (code !== undefined && (await confirmTotp(identity, tenant, { account, address, code, told })).verified)
    return true;
  // A wrong code and a reload keep the secret: the app may hold it already.
  const { secret, uri } = await startTotp(identity, tenant, account, { label: '', shown, visit: posting.csrf });
  const problem = code === undefined ? {} : { problem: 'code' as const };
  const page = enrolTotpPage(texts, { ...frame, ...posting, secret, address: uri, back, ...problem });
  sendPage(ctx, page, { status: code === undefined ? 200 : 422 });
  return false;
}

export async function enrolPasskey(
  enrolling: Enrolling,
  { totp, back }: { totp: string; back: string },
): Promise<boolean> {
  const { laboratory, ctx, account, form, texts, frame, posting, shown } = enrolling;
  const { identity, tenant, issuer } = laboratory;
  const response = form?.get('response') ?? undefined;
  const label = form?.get('name')?.trim() ?? '';
  const told = tellingChange(enrolling, account, 'factor add passkey');
  const answer = { issuer, label, shown, told };
  if (response !== undefined && (await finishPasskeyEnrolment(identity, tenant, account, { ...answer, response }))) {
    return true;
  }
  const options = await startPasskeyEnrolment(identity, tenant, account, { issuer, shown });
  const problem = response === undefined ? {} : { problem: 'passkey' as const };
  const page = enrolPasskeyPage(texts, { ...frame, ...posting, options, totp, back, ...problem });
  sendPage(ctx, page, { status: response === undefined ? 200 : 422 });
  return false;
}
