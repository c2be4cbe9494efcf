/** What SMART adds to the answer of the token endpoint: the launch context, and how the application should look. */
import type { Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { grantContext } from './grant-context.ts';
import type { Laboratory } from './laboratory.ts';
import { assetAddress } from './pages/assets.ts';

export function tokenAnswer(laboratory: Laboratory): Middleware {
  return async (ctx, next) => {
    await next();
    const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
    if (oidc?.route !== 'token' || ctx.status !== 200) return;
    const grantId = oidc.entities.AccessToken?.grantId;
    if (grantId === undefined) return;
    const { launch } = await grantContext(laboratory, grantId);
    const { issuer, tenant } = laboratory;
    ctx.body = {
      ...(ctx.body as object),
      need_patient_banner: launch.patient !== undefined,
      ...launch,
      smart_style_url: issuer + assetAddress('smart-style.json'),
      tenant: tenant.name,
    };
  };
}
