/**
 * One person who signs in: password, then a second factor where the laboratory demands one, where the account has one, or
 * where it is asked for. Who has to have one and has none sets it up here, and gets recovery codes.
 *
 *   nothing known      → user name and password       → account known
 *   account known      → no factor needed             → signed in
 *                      → has factors: show one        → signed in
 *                      → has none: set one up         → signed in, with recovery codes to keep
 *
 * The same for an authorization (interaction.ts) and for the pages of accounts (account/sign-in.ts): they differ in where
 * progress is kept and in what follows.
 */
import type { Context } from 'koa';
import type { Frame } from '../../pages/document.ts';
import type { Posting } from '../../pages/form.ts';
import type { Texts } from '../../pages/texts/en.ts';
import { passwordAcr } from '../../access/authentication.ts';
import { accountById } from '../accounts.ts';
import { needsSecondFactor } from '../factors.ts';
import type { Laboratory } from '../laboratory.ts';
import { enrolStep } from './enrol-step.ts';
import { factorStep } from './factor-step.ts';
import { passwordStep } from './password-step.ts';
import type { SignInProgress } from './progress.ts';

export interface SignedIn {
  readonly accountId: string;
  readonly acr: string;
  /** RFC 8176. */
  readonly amr: readonly string[];
}

export interface SigningIn {
  readonly laboratory: Laboratory;
  readonly ctx: Context;
  /** The caller's network address, for counting failures. */
  readonly address: string;
  /** Posted fields, their token checked; undefined for a GET. */
  readonly form: URLSearchParams | undefined;
  readonly texts: Texts;
  readonly frame: Frame;
  readonly posting: Posting & { readonly cancel?: string | undefined };
  /** Name of the application that asks. */
  readonly app?: string | undefined;
  /** Somebody is signed in, but must show it anew. */
  readonly again?: boolean | undefined;
  /** Who it is likely to be. */
  readonly username?: string | undefined;
  /** Where else the last form may lead (form-action). */
  readonly goesTo?: string | undefined;
  /** A second factor is asked for, whatever the roles say. */
  readonly factorAsked: boolean;
  readonly progress: SignInProgress;
  keep(progress: SignInProgress): Promise<void>;
  /** The end. Recovery codes, where some were made, are to be shown first. */
  complete(signedIn: SignedIn, recoveryCodes?: readonly string[]): Promise<void>;
}

export async function signInStep(visit: SigningIn): Promise<void> {
  const { identity, tenant } = visit.laboratory;
  const { account: id, at = 0, passwordSet } = visit.progress;
  const account = id === undefined ? undefined : await accountById(identity, tenant, id);
  const old = at < identity.now() / 1_000 - longest || passwordSet !== account?.passwordSet;
  if (account?.status !== 'active' || old) return await passwordStep(visit);
  if (!visit.factorAsked && !(await needsSecondFactor(identity, tenant, account))) {
    return await visit.complete({ accountId: account.id, acr: passwordAcr, amr: ['pwd'] });
  }
  if (!(await factorStep(visit, account))) await enrolStep(visit, account);
}

/** Seconds from the password to the end. */
const longest = 900;
