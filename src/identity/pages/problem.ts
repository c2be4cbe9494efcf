/** A page that says that something cannot be done, with its HTTP status; and the one for faults of ours. */
import type { Context, Middleware } from 'koa';
import { errors } from 'oidc-provider';
import { OutcomeError } from '../../fhir/outcome.ts';
import { errorPage, type PageProblem } from '../../pages/error.ts';
import type { Laboratory } from '../laboratory.ts';
import { frameOf, sendPage, textsFor } from './frame.ts';

const statuses: Readonly<Record<PageProblem, number>> = {
  app: 400,
  address: 400,
  request: 400,
  expired: 400,
  forgery: 403,
  link: 404,
  missing: 404,
  suspended: 403,
  tooMany: 429,
  server: 500,
};

export function sendProblem(laboratory: Laboratory, ctx: Context, problem: PageProblem): void {
  const page = errorPage(textsFor(laboratory, ctx), {
    ...frameOf(laboratory, '/account'),
    problem,
    requestId: String(ctx.res.getHeader('x-request-id') ?? ''),
  });
  sendPage(ctx, page, { status: statuses[problem] });
}

/** What nobody else catches on the way of a page. */
export function faultPage(laboratory: Laboratory, isPage: (path: string) => boolean): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (!isPage(ctx.path)) throw error;
      // A form that was posted twice: the first one has ended the sign-in meanwhile.
      if (error instanceof errors.SessionNotFound) return sendProblem(laboratory, ctx, 'expired');
      if (error instanceof OutcomeError && error.issues[0]?.code === 'throttled') {
        ctx.set(error.headers);
        return sendProblem(laboratory, ctx, 'tooMany');
      }
      laboratory.log.error({ tenant: laboratory.tenant.name, path: pathPart(ctx.path), err: error }, 'page failed');
      sendProblem(laboratory, ctx, 'server');
    }
  };
}

/** What follows may be the secret of a link. */
function pathPart(path: string): string {
  return path.split('/').slice(0, 3).join('/');
}
