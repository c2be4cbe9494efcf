/** One authorization under way: what was asked, how far the person is, where its pages are. */
import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import { readContext, writeContext } from '../../store/oidc.ts';
import type { LaunchContext } from '../grant-context.ts';
import type { Laboratory } from '../laboratory.ts';
import { formToken } from '../pages/frame.ts';
import type { SignInProgress } from './progress.ts';
import type { SignedIn } from './signing-in.ts';

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

/** Kept with the interaction, not in the browser. */
export interface Progress extends SignInProgress {
  /** Signed in; recovery codes are being shown. */
  readonly signedIn?: SignedIn;
  /** What was chosen: `null` where there is nothing to choose. */
  readonly patient?: string;
  readonly patientName?: string;
  readonly launch?: LaunchContext;
}

export interface Step {
  readonly laboratory: Laboratory;
  readonly provider: Provider;
  readonly ctx: Context;
  readonly details: Details;
  readonly progress: Progress;
  /** The caller's network address, for counting failures. */
  readonly address: string;
  /** Posted fields; undefined for a GET. */
  readonly form: URLSearchParams | undefined;
}

export function pathOf({ details }: Pick<Step, 'details'>): string {
  return `/sign-in/${details.uid}`;
}

/** Where forms go, and the token that comes with them. */
export function postingOf({ laboratory, details }: Pick<Step, 'laboratory' | 'details'>) {
  const action = `${laboratory.root}${pathOf({ details })}`;
  return { action, csrf: formToken(laboratory, details.uid), cancel: `${action}/cancel` };
}

export function parameter({ details }: Pick<Step, 'details'>, name: string): string | undefined {
  const value = details.params[name];
  return typeof value === 'string' ? value : undefined;
}

export async function readProgress({ identity, tenant }: Laboratory, uid: string): Promise<Progress> {
  const text = await readContext(identity.database, tenant.id, { kind: 'Interaction', id: uid });
  return text === undefined ? {} : (JSON.parse(text) as Progress);
}

export async function keepProgress({ laboratory, details }: Step, progress: Progress): Promise<void> {
  const { identity, tenant } = laboratory;
  const key = { kind: 'Interaction', id: details.uid } as const;
  await writeContext(identity.database, tenant.id, key, JSON.stringify(progress));
}

/** Back to the provider, which goes on with the authorization. */
export async function finish(
  { provider, ctx }: Step,
  result: Parameters<Provider['interactionResult']>[2],
): Promise<void> {
  const merge = { mergeWithLastSubmission: !('error' in result) };
  const address = await provider.interactionResult(ctx.req, ctx.res, result, merge);
  ctx.status = 303;
  ctx.redirect(address);
}

export async function refuse(step: Step, description: string): Promise<void> {
  await finish(step, { error: 'access_denied', error_description: description });
}
