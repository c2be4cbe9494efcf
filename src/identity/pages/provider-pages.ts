/** Pages that the provider asks for: a failure that may not be redirected, the question before signing out, its end. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { ErrorOut } from 'oidc-provider';
import { errorPage, type PageProblem } from '../../pages/error.ts';
import { signedOutPage, signOutPage } from '../../pages/sign-out.ts';
import type { Laboratory } from '../laboratory.ts';
import { frameOf, originOf, sendPage, textsFor } from './frame.ts';

const problems: Readonly<Record<string, PageProblem>> = {
  invalid_client: 'app',
  invalid_redirect_uri: 'address',
  server_error: 'server',
};

export function failurePage(laboratory: Laboratory, ctx: KoaContextWithOIDC, out: ErrorOut): void {
  const page = errorPage(textsFor(laboratory, ctx), {
    ...frameOf(laboratory, ''),
    problem: problemOf(out),
    code: out.error,
    description: out.error_description,
    requestId: String(ctx.res.getHeader('x-request-id') ?? ''),
  });
  sendPage(ctx, page, { status: ctx.status });
}

function problemOf({ error, error_description: description = '' }: ErrorOut): PageProblem {
  if (/interaction session|session principal|has expired/.test(description)) return 'expired';
  return problems[error] ?? 'request';
}

/** The form holds the provider's own token; its button says yes. */
export function logoutPage(laboratory: Laboratory, ctx: KoaContextWithOIDC, form: string): void {
  const token = /name="xsrf" value="([^"]*)"/.exec(form)?.[1] ?? '';
  const page = signOutPage(textsFor(laboratory, ctx), {
    ...frameOf(laboratory, '/session/end'),
    action: `${laboratory.root}/session/end/confirm`,
    xsrf: token,
    app: ctx.oidc.client?.clientName,
  });
  const goesTo = originOf(ctx.oidc.params?.['post_logout_redirect_uri']);
  sendPage(ctx, page, goesTo === undefined ? {} : { goesTo });
}

/** Who answered "stay" comes here too, and is still signed in. */
export async function endedPage(laboratory: Laboratory, ctx: KoaContextWithOIDC): Promise<void> {
  const session = await ctx.oidc.provider.Session.get(ctx);
  if (session.accountId !== undefined) {
    ctx.status = 303;
    return ctx.redirect(`${laboratory.root}/account`);
  }
  sendPage(ctx, signedOutPage(textsFor(laboratory, ctx), frameOf(laboratory, '/session/end/success')));
}
