/** A person of a test with an authenticator app. */
import { generateSync } from 'otplib';
import { operatorAcr } from '../../src/access/authentication.ts';
import { accountById } from '../../src/identity/accounts.ts';
import { confirmTotp, startTotp } from '../../src/identity/totp.ts';
import type { Tenant } from '../../src/store/tenants.ts';
import { testIdentity, type Person } from '../identity/app.ts';

/** The app shows a code; `steps` of 30 s from now, because each step is taken once. */
export type AuthenticatorApp = (steps?: number) => string;

export function authenticatorApp(secret: string): AuthenticatorApp {
  return (steps = 0) => generateSync({ secret, epoch: Math.floor(Date.now() / 1_000) + 30 * steps });
}

/** Confirmed with the code of the step before, so that the present one is still good. */
export async function giveTotp(tenant: Tenant, person: Person): Promise<AuthenticatorApp> {
  const identity = testIdentity();
  const account = await accountById(identity, tenant, person.id);
  if (account === undefined) throw new Error('There is no such account.');
  const shown = { acr: operatorAcr, authTime: Math.floor(Date.now() / 1_000) };
  const { secret } = await startTotp(identity, tenant, account, { label: '', shown });
  const show = authenticatorApp(secret);
  const { verified } = await confirmTotp(identity, tenant, { account, address: '127.0.0.1', code: show(-1) });
  if (!verified) throw new Error('The first code was not taken.');
  return show;
}
