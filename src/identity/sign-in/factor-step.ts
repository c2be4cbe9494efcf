/** The second factor that an account has: a one-time code, a passkey, a recovery code. */
import { secondFactorAcr } from '../../access/authentication.ts';
import { secondFactorPage, type SecondFactorData } from '../../pages/second-factor.ts';
import type { Account } from '../../store/accounts.ts';
import { agentOf, note } from '../audit-deeds.ts';
import { factorsOf, type Factors, type Shown } from '../factors.ts';
import { sendPage } from '../pages/frame.ts';
import { finishPasskeyVerification, startPasskeyVerification } from '../passkeys.ts';
import { useRecoveryCode } from '../recovery-codes.ts';
import { verifyTotp } from '../totp.ts';
import type { SigningIn } from './signing-in.ts';

interface Way {
  readonly amr: readonly string[];
  verify(visit: SigningIn, account: Account): Promise<Shown>;
}

const ways: Readonly<Record<'totp' | 'passkey' | 'recovery', Way>> = {
  totp: {
    amr: ['pwd', 'otp', 'mfa'],
    verify: ({ laboratory: { identity, tenant }, form, address }, account) =>
      verifyTotp(identity, tenant, { account, address, code: form?.get('code') ?? '' }),
  },
  passkey: {
    amr: ['pwd', 'pop', 'mfa'],
    verify: ({ laboratory: { identity, tenant, issuer }, form, address }, account) =>
      finishPasskeyVerification(identity, tenant, { account, address, issuer, response: form?.get('response') ?? '' }),
  },
  recovery: {
    amr: ['pwd', 'otp', 'mfa'],
    verify: ({ laboratory: { identity, tenant }, form, address }, account) =>
      useRecoveryCode(identity, tenant, { account, address, code: form?.get('code') ?? '' }),
  },
};

/** False, and nothing is answered, where the account has no factor. */
export async function factorStep(visit: SigningIn, account: Account): Promise<boolean> {
  const { identity, tenant } = visit.laboratory;
  const has = await factorsOf(identity, tenant, account.id);
  if (has.factors.length === 0) return false;
  const tried = wayOf(visit.form?.get('factor'));
  if (tried === undefined) {
    await show(visit, account, { has });
    return true;
  }
  const shown = await ways[tried].verify(visit, account);
  const agent = agentOf(account);
  note(
    visit.ctx,
    shown.verified
      ? { kind: 'second-factor', reason: tried, agent }
      : { kind: 'second-factor-failed', outcome: 4, reason: `${tried} ${shown.refused}`, agent },
  );
  if (shown.verified) await visit.complete({ accountId: account.id, acr: secondFactorAcr, amr: ways[tried].amr });
  else await show(visit, account, { has, tried, shown });
  return true;
}

function wayOf(written: string | null | undefined): keyof typeof ways | undefined {
  return written !== null && written !== undefined && Object.hasOwn(ways, written)
    ? (written as keyof typeof ways)
    : undefined;
}

interface Seen {
  readonly has: Factors;
  readonly tried?: keyof typeof ways;
  readonly shown?: Exclude<Shown, { verified: true }>;
}

async function show(visit: SigningIn, account: Account, { has, tried, shown }: Seen): Promise<void> {
  const { texts, frame, posting, goesTo, ctx, laboratory } = visit;
  const { identity, tenant, issuer } = laboratory;
  const problem: Partial<SecondFactorData> =
    shown === undefined ? {} : { problem: shown.refused === 'locked' ? 'locked' : tried, retryAfter: shown.retryAfter };
  const page = secondFactorPage(texts, {
    ...frame,
    ...posting,
    totp: has.factors.some(({ kind }) => kind === 'totp'),
    passkey: await startPasskeyVerification(identity, tenant, account, issuer),
    recovery: has.recoveryCodes > 0,
    ...problem,
  });
  sendPage(ctx, page, { status: shown === undefined ? 200 : 422, ...(goesTo !== undefined && { goesTo }) });
}
