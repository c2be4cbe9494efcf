/** The second factor of a sign-in. */
import { passwordAcr } from '../../access/authentication.ts';
import type { Account } from '../../store/accounts.ts';
import { finish, type Step } from './interaction.ts';

export async function mustConfirm(_step: Step, _account: Account): Promise<boolean> {
  return false;
}

export async function secondFactorStep(step: Step, accountId: string): Promise<void> {
  await finish(step, { login: { accountId, acr: passwordAcr, amr: ['pwd'] } });
}
