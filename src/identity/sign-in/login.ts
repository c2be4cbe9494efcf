/** The prompt `login` of an authorization: a person signs in (signing-in.ts), progress is kept with the interaction. */
import { secondFactorAcr } from '../../access/authentication.ts';
import { recoveryCodesPage } from '../../pages/recovery-codes.ts';
import { accountById } from '../accounts.ts';
import { noteSignIn } from '../audit-deeds.ts';
import { frameOf, originOf, sendPage, textsFor } from '../pages/frame.ts';
import { finish, keepProgress, parameter, pathOf, postingOf, type Step } from './interaction.ts';
import { signInStep, type SignedIn, type SigningIn } from './signing-in.ts';

export async function loginStep(step: Step): Promise<void> {
  const { signedIn } = step.progress;
  if (signedIn !== undefined) return await end(step, signedIn);
  await signInStep(await visitOf(step));
}

async function visitOf(step: Step): Promise<SigningIn> {
  const { laboratory, ctx, provider, address, form, progress } = step;
  const client = await provider.Client.find(parameter(step, 'client_id') ?? '');
  return {
    laboratory,
    ctx,
    address,
    form,
    progress,
    texts: textsFor(laboratory, ctx, parameter(step, 'ui_locales')),
    frame: frameOf(laboratory, pathOf(step)),
    posting: postingOf(step),
    app: client?.clientName,
    username: parameter(step, 'login_hint')?.slice(0, 200),
    goesTo: originOf(parameter(step, 'redirect_uri')),
    factorAsked: parameter(step, 'acr_values')?.split(' ')[0] === secondFactorAcr,
    keep: (kept) => keepProgress(step, { ...progress, ...kept }),
    complete: (signedIn, codes) => (codes === undefined ? end(step, signedIn) : showCodes(step, signedIn, codes)),
  };
}

async function end(step: Step, { accountId, acr, amr }: SignedIn): Promise<void> {
  await noteSignIn(step, accountId, parameter(step, 'client_id'));
  await finish(step, { login: { accountId, acr, amr: [...amr] } });
}

/** Shown once; the link leads back here, where the sign-in ends. */
async function showCodes(step: Step, signedIn: SignedIn, codes: readonly string[]): Promise<void> {
  const { laboratory, ctx } = step;
  const { identity, tenant } = laboratory;
  await keepProgress(step, { ...step.progress, signedIn });
  const account = await accountById(identity, tenant, signedIn.accountId);
  const frame = frameOf(laboratory, pathOf(step));
  const shown = { codes, made: new Date(identity.now()), username: account?.username ?? '', next: frame.here };
  sendPage(ctx, recoveryCodesPage(textsFor(laboratory, ctx), { ...frame, ...shown }));
}
