/**
 * The first second factor of an account that has to have one, right after the password: there is nothing else to show.
 * The page to choose stands at the step's own address, the two ways at `?way=totp` and `?way=passkey`.
 */
import { passwordAcr, secondFactorAcr, type Authentication } from '../../access/authentication.ts';
import { enrolPage } from '../../pages/enrol.ts';
import type { Account } from '../../store/accounts.ts';
import { tellingChange } from '../audit-deeds.ts';
import { enrolPasskey, enrolTotp, type Enrolling } from '../enrolment.ts';
import { sendPage } from '../pages/frame.ts';
import { newRecoveryCodes } from '../recovery-codes.ts';
import type { SigningIn } from './signing-in.ts';

export async function enrolStep(visit: SigningIn, account: Account): Promise<void> {
  const { laboratory, ctx, texts, frame, form, goesTo, address } = visit;
  const way = ctx.query['way'];
  const at = (chosen: string): string => `${frame.here}${frame.here.includes('?') ? '&' : '?'}way=${chosen}`;
  if (way !== 'totp' && way !== 'passkey') {
    const choice = { totp: at('totp'), passkey: at('passkey'), needed: true };
    return sendPage(ctx, enrolPage(texts, { ...frame, ...choice }), goesTo === undefined ? {} : { goesTo });
  }
  const shown: Authentication = { acr: passwordAcr, authTime: visit.progress.at };
  const posting = { action: at(way), csrf: visit.posting.csrf };
  const here = { ...frame, here: at(way) };
  const enrolling: Enrolling = { laboratory, ctx, account, address, shown, form, texts, frame: here, posting };
  const done = await (way === 'totp'
    ? enrolTotp(enrolling, { back: frame.here })
    : enrolPasskey(enrolling, { totp: at('totp'), back: frame.here }));
  if (done) await finished(visit, account, way);
}

async function finished(visit: SigningIn, account: Account, way: 'totp' | 'passkey'): Promise<void> {
  const { identity, tenant } = visit.laboratory;
  const shown = { acr: secondFactorAcr, authTime: Math.floor(identity.now() / 1_000) };
  const told = tellingChange(visit, account, 'recovery-codes');
  const codes = await newRecoveryCodes(identity, tenant, account, { ...shown, told });
  const amr = ['pwd', way === 'totp' ? 'otp' : 'pop', 'mfa'];
  await visit.complete({ accountId: account.id, acr: secondFactorAcr, amr }, codes);
}
