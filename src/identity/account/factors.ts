/**
 * /account/factors/…: adding a second factor, removing one, new recovery codes. All ask for a fresh sign-in (factors.ts),
 * which routes.ts sends to.
 *
 * A role that demands a second factor keeps the last one: it is replaced by adding another first.
 */
import { recoveryCodesPage } from '../../pages/recovery-codes.ts';
import { demandsSecondFactor } from '../../access/second-factor.ts';
import { secondFactorAcr } from '../../access/authentication.ts';
import { rolesOfAccount } from '../accounts.ts';
import { tellingChange } from '../audit-deeds.ts';
import { enrolPasskey, enrolTotp, type Enrolling } from '../enrolment.ts';
import { factorsOf, removeFactor as remove } from '../factors.ts';
import { sendPage } from '../pages/frame.ts';
import { newRecoveryCodes } from '../recovery-codes.ts';
import { beginSession } from './session.ts';
import { goTo, type SignedInVisit } from './visit.ts';

export async function addTotp(visit: SignedInVisit): Promise<void> {
  const first = await isFirst(visit);
  if (await enrolTotp(enrollingOf(visit), { back: `${visit.frame.root}/account` })) await added(visit, 'totp', first);
}

export async function addPasskey(visit: SignedInVisit): Promise<void> {
  const first = await isFirst(visit);
  const { root } = visit.frame;
  const links = { totp: `${root}/account/factors/totp`, back: `${root}/account` };
  if (await enrolPasskey(enrollingOf(visit), links)) await added(visit, 'passkey', first);
}

function enrollingOf(visit: SignedInVisit): Enrolling {
  return { ...visit, posting: { action: visit.frame.here, csrf: visit.csrf } };
}

async function isFirst({ laboratory: { identity, tenant }, account }: SignedInVisit): Promise<boolean> {
  return (await factorsOf(identity, tenant, account.id)).factors.length === 0;
}

/** Who has just set up the first factor has shown it; the session says so, and there are recovery codes to keep. */
async function added(visit: SignedInVisit, kind: 'totp' | 'passkey', first: boolean): Promise<void> {
  if (!first) return goTo(visit, '', { done: kind });
  const { laboratory, account } = visit;
  const amr = ['pwd', kind === 'totp' ? 'otp' : 'pop', 'mfa'];
  await beginSession(laboratory, visit, { accountId: account.id, acr: secondFactorAcr, amr });
  const now = Math.floor(laboratory.identity.now() / 1_000);
  await recoveryCodes({ ...visit, shown: { acr: secondFactorAcr, authTime: now } });
}

export async function recoveryCodes(visit: SignedInVisit): Promise<void> {
  const { laboratory, account, shown, frame, texts, ctx } = visit;
  const { identity, tenant } = laboratory;
  const told = tellingChange(visit, account, 'recovery-codes');
  const codes = await newRecoveryCodes(identity, tenant, account, { ...shown, told });
  const next = `${frame.root}/account`;
  const data = { ...frame, here: next, codes, made: new Date(identity.now()), username: account.username, next };
  sendPage(ctx, recoveryCodesPage(texts, data));
}

export async function removeFactor(visit: SignedInVisit): Promise<void> {
  const { laboratory, account, shown, form } = visit;
  const { identity, tenant } = laboratory;
  const roles = await rolesOfAccount(identity, tenant, account.id);
  const needed = roles.some((role) => demandsSecondFactor(role, tenant.settings.secondFactorRoles));
  const { factors } = await factorsOf(identity, tenant, account.id);
  if (needed && factors.length < 2) return goTo(visit);
  const told = tellingChange(visit, account, 'factor remove');
  const removed = await remove(identity, tenant, account, { factor: form?.get('factor') ?? '', shown, told });
  goTo(visit, '', removed ? { done: 'factor' } : {});
}
