/** User name and password. */
import { thing } from '../../audit/security.ts';
import { signInPage, type SignInData } from '../../pages/sign-in.ts';
import { authenticatePassword } from '../accounts.ts';
import { note } from '../audit-deeds.ts';
import { sendPage } from '../pages/frame.ts';
import { passwordProgress } from './progress.ts';
import type { SigningIn } from './signing-in.ts';

export async function passwordStep(visit: SigningIn): Promise<void> {
  const { form, laboratory, address, ctx, frame } = visit;
  if (!form?.has('username')) return show(visit, {});
  const username = form.get('username')?.trim() ?? '';
  const password = form.get('password') ?? '';
  if (username === '') return show(visit, { username, problem: 'username' });
  if (password === '') return show(visit, { username, problem: 'password' });
  const { identity, tenant } = laboratory;
  const answer = await authenticatePassword(identity, tenant, { username, password, address });
  if ('refused' in answer) {
    note(ctx, { kind: 'sign-in-failed', outcome: 4, reason: answer.refused, further: [thing('account', username)] });
    return show(visit, { username, problem: answer.refused, retryAfter: answer.retryAfter });
  }
  await visit.keep(passwordProgress(laboratory, answer.account));
  // The rest is the same page anew, so that going back or reloading posts no password.
  ctx.status = 303;
  ctx.redirect(frame.here);
}

function show(visit: SigningIn, data: Partial<SignInData>): void {
  const { texts, frame, posting, app, again, username, goesTo, ctx } = visit;
  const page = signInPage(texts, { ...frame, ...posting, app, again, username, ...data });
  sendPage(ctx, page, { status: data.problem === undefined ? 200 : 422, ...(goesTo !== undefined && { goesTo }) });
}
