/** The pages of an authorization: /sign-in/{uid}, its cancel, and the files that pages load. */
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import { errors, type default as Provider } from 'oidc-provider';
import type { PageProblem } from '../../pages/error.ts';
import type { Laboratory } from '../laboratory.ts';
import { sendAsset, sendColour } from '../pages/assets.ts';
import { readForm } from '../pages/form-body.ts';
import { isFormToken } from '../pages/frame.ts';
import { sendProblem } from '../pages/problem.ts';
import { consentStep } from './consent.ts';
import { readProgress, refuse, type Step } from './interaction.ts';
import { loginStep } from './login.ts';

const steps: Readonly<Record<string, (step: Step) => Promise<void>>> = { login: loginStep, consent: consentStep };

export function interactionPages(
  laboratory: Laboratory,
  provider: Provider,
  addressOf: (request: IncomingMessage) => string,
): Middleware {
  return async (ctx, next) => {
    const [, part, name = '', deed] = ctx.path.split('/');
    if (part === 'assets') {
      const { colour } = laboratory.tenant.settings;
      if (name === 'colour.css' && colour !== undefined) return sendColour(ctx, colour);
      if (sendAsset(ctx, name)) return;
    }
    if (part !== 'sign-in' || name === '') return await next();
    const step = await stepOf({ laboratory, provider, ctx, address: addressOf(ctx.req) });
    if (typeof step === 'string') return sendProblem(laboratory, ctx, step);
    if (step.details.uid !== name) return sendProblem(laboratory, ctx, 'expired');
    if (deed === 'cancel' && step.form !== undefined) return await refuse(step, 'the person went back');
    if (deed !== undefined) return sendProblem(laboratory, ctx, 'missing');
    await steps[step.details.prompt.name]?.(step);
  };
}

async function stepOf(visit: Omit<Step, 'details' | 'progress' | 'form'>): Promise<Step | PageProblem> {
  const { laboratory, provider, ctx } = visit;
  if (!['GET', 'HEAD', 'POST'].includes(ctx.method)) return 'missing';
  try {
    const details = await provider.interactionDetails(ctx.req, ctx.res);
    const form = ctx.method === 'POST' ? await readForm(ctx) : undefined;
    if (ctx.method === 'POST' && !isFormToken(laboratory, details.uid, form?.get('csrf') ?? '')) return 'forgery';
    const progress = await readProgress(laboratory, details.uid);
    return { ...visit, details, progress, form };
  } catch (error) {
    if (error instanceof errors.SessionNotFound) return 'expired';
    throw error;
  }
}
