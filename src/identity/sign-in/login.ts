/**
 * The prompt `login`: user name and password, then a second factor where the laboratory demands one, where the account has
 * one, or where the application asks for it.
 */
import { passwordAcr } from '../../access/authentication.ts';
import { signInPage, type SignInData } from '../../pages/sign-in.ts';
import type { Account } from '../../store/accounts.ts';
import { authenticatePassword } from '../accounts.ts';
import { frameOf, originOf, sendPage, textsFor } from '../pages/frame.ts';
import { finish, keepProgress, parameter, pathOf, postingOf, type Step } from './interaction.ts';
import { mustConfirm, secondFactorStep } from './confirm.ts';

export async function loginStep(step: Step): Promise<void> {
  if (step.progress.account !== undefined) return await secondFactorStep(step, step.progress.account);
  if (step.form === undefined) return await show(step, {});
  const username = step.form.get('username')?.trim() ?? '';
  const password = step.form.get('password') ?? '';
  if (username === '') return await show(step, { problem: 'username' });
  if (password === '') return await show(step, { username, problem: 'password' });
  const { identity, tenant } = step.laboratory;
  const answer = await authenticatePassword(identity, tenant, { username, password, address: step.address });
  if ('refused' in answer) {
    return await show(step, { username, problem: answer.refused, retryAfter: answer.retryAfter });
  }
  await afterPassword(step, answer.account);
}

async function afterPassword(step: Step, account: Account): Promise<void> {
  if (await mustConfirm(step, account)) {
    await keepProgress(step, { account: account.id });
    return await secondFactorStep({ ...step, form: undefined }, account.id);
  }
  await finish(step, { login: { accountId: account.id, acr: passwordAcr, amr: ['pwd'] } });
}

async function show(step: Step, data: Partial<SignInData>): Promise<void> {
  const { laboratory, ctx, provider } = step;
  const client = await provider.Client.find(parameter(step, 'client_id') ?? '');
  const page = signInPage(textsFor(laboratory, ctx, parameter(step, 'ui_locales')), {
    ...frameOf(laboratory, pathOf(step)),
    ...postingOf(step),
    app: client?.clientName,
    username: parameter(step, 'login_hint')?.slice(0, 200),
    ...data,
  });
  const goesTo = originOf(parameter(step, 'redirect_uri'));
  sendPage(ctx, page, { status: data.problem === undefined ? 200 : 422, ...(goesTo !== undefined && { goesTo }) });
}
