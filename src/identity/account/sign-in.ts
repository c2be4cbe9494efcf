/**
 * Signing in for the account itself, without an application: /account/sign-in. Also the way to sign in anew where
 * something asks for a fresh second factor.
 *
 * Progress is in a cookie that is signed, for this path only: a random value that binds the forms, the account whose
 * password was right, and when. It lives as long as signing-in.ts lets it.
 */
import { randomBytes } from 'node:crypto';
import { recoveryCodesPage } from '../../pages/recovery-codes.ts';
import type { Account } from '../../store/accounts.ts';
import { accountById } from '../accounts.ts';
import { noteSignIn } from '../audit-deeds.ts';
import { formToken, frameOf, isFormToken, sendPage } from '../pages/frame.ts';
import { sendProblem } from '../pages/problem.ts';
import { passwordProgress, type SignInProgress } from '../sign-in/progress.ts';
import { signInStep, type SignedIn } from '../sign-in/signing-in.ts';
import { beginSession } from './session.ts';
import { goTo, signedIn, type Visit } from './visit.ts';

const cookie = 'signing-in';

interface Kept extends SignInProgress {
  readonly visit: string;
}

/** Pages that one may be sent on to. */
const targets: ReadonlySet<string> = new Set(['password', 'factors/totp', 'factors/passkey']);

export async function signInVisit(visit: Visit): Promise<void> {
  const { laboratory, ctx, address, form, texts } = visit;
  const known = readKept(visit);
  const kept = known ?? { visit: randomBytes(16).toString('base64url') };
  const bound = `signing in ${kept.visit}`;
  if (form !== undefined && (known === undefined || !isFormToken(laboratory, bound, form.get('csrf') ?? ''))) {
    return sendProblem(laboratory, ctx, 'forgery');
  }
  if (known === undefined) writeKept(visit, kept);
  const target = targetOf(visit);
  const before = await signedIn(visit);
  const frame = frameOf(laboratory, `/account/sign-in${target === '' ? '' : `?to=${target}`}`);
  await signInStep({
    laboratory,
    ctx,
    address,
    form,
    texts,
    frame,
    posting: { action: frame.here, csrf: formToken(laboratory, bound) },
    again: before !== undefined,
    username: before?.account.username,
    factorAsked: false,
    progress: kept,
    keep: async (progress) => writeKept(visit, { ...kept, ...progress }),
    complete: (person, codes) => complete(visit, person, codes),
  });
}

/** The password was shown by other means: by setting it with a link. */
export function passwordShown(visit: Visit, account: Account): void {
  const nonce = randomBytes(16).toString('base64url');
  writeKept(visit, { visit: nonce, ...passwordProgress(visit.laboratory, account) });
}

async function complete(visit: Visit, person: SignedIn, codes: readonly string[] | undefined): Promise<void> {
  const { laboratory, ctx, texts } = visit;
  const { identity, tenant, root } = laboratory;
  await beginSession(laboratory, visit, person);
  await noteSignIn(visit, person.accountId);
  ctx.cookies.set(cookie, null, options(visit));
  if (codes === undefined) return goTo(visit, targetOf(visit));
  const account = await accountById(identity, tenant, person.accountId);
  const shown = { codes, made: new Date(identity.now()), username: account?.username ?? '', next: `${root}/account` };
  sendPage(ctx, recoveryCodesPage(texts, { ...frameOf(laboratory, '/account'), ...shown }));
}

function targetOf({ ctx }: Visit): string {
  const to = ctx.query['to'];
  return typeof to === 'string' && targets.has(to) ? to : '';
}

function options({ laboratory: { root, issuer } }: Visit) {
  const secure = issuer.startsWith('https:');
  return { signed: false, httpOnly: true, sameSite: 'lax', secure, path: `${root}/account`, overwrite: true } as const;
}

function readKept(visit: Visit): Kept | undefined {
  const [text = '', token = ''] = (visit.ctx.cookies.get(cookie, { signed: false }) ?? '').split('.');
  if (!isFormToken(visit.laboratory, `kept ${text}`, token)) return undefined;
  return JSON.parse(Buffer.from(text, 'base64url').toString()) as Kept;
}

function writeKept(visit: Visit, kept: Kept): void {
  const text = Buffer.from(JSON.stringify(kept)).toString('base64url');
  visit.ctx.cookies.set(cookie, `${text}.${formToken(visit.laboratory, `kept ${text}`)}`, options(visit));
}
