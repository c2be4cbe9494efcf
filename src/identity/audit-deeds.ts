/**
 * The events of signing in and of tokens. Pages note what they did with the request; what the provider did by itself
 * shows in its answer. Both are stored before the answer leaves; where that fails, the answer is 503 instead.
 */
import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Agent } from '../audit/record.ts';
import { thing, type SecurityEvent } from '../audit/security.ts';
import type { Account } from '../store/accounts.ts';
import { accountById } from './accounts.ts';
import type { Laboratory } from './laboratory.ts';

/** What happened, without where from. */
export type Deed = Omit<SecurityEvent, 'address' | 'requestId'>;

/** Notes an event of this request. */
export function note(ctx: Context, deed: Deed): void {
  ((ctx.state as Noted).deeds ??= []).push(deed);
}

interface Noted {
  deeds?: Deed[];
}

export function agentOf({ id, fhirUser, display }: Account, client = ''): Agent {
  return { subject: id, client, roles: [], ...(fhirUser !== undefined && { fhirUser }), name: display };
}

/** A person changed something of their own account. */
export function noteChange(
  ctx: Context,
  account: Account,
  what: string,
  result: Pick<Deed, 'outcome' | 'reason'> = {},
): void {
  const further = [thing('account', account.id)];
  note(ctx, { kind: 'user-changed', deed: `account ${what}`, agent: agentOf(account), further, ...result });
}

/** Of a person who has shown everything that was asked for. */
export async function noteSignIn(
  { ctx, laboratory }: { readonly ctx: Context; readonly laboratory: Laboratory },
  accountId: string,
  client?: string,
): Promise<void> {
  const account = await accountById(laboratory.identity, laboratory.tenant, accountId);
  note(ctx, { kind: 'sign-in', agent: account === undefined ? { subject: accountId } : agentOf(account, client) });
}

interface Visit {
  readonly address: string;
  readonly requestId: string;
}

export function auditDeeds(
  laboratory: Laboratory,
  visitOf: (request: IncomingMessage) => Visit | undefined,
): Middleware {
  return async (ctx, next) => {
    await next();
    const deeds = [...((ctx.state as Noted).deeds ?? []), ...ofProvider(ctx)];
    const { address = '', requestId = '' } = visitOf(ctx.req) ?? {};
    try {
      for (const deed of deeds) {
        await laboratory.announce(laboratory.tenant, { ...deed, address, requestId });
      }
    } catch (error) {
      laboratory.log.error({ tenant: laboratory.tenant.name, err: error }, 'sign-in not audited');
      withhold(ctx);
    }
  };
}

/** Nothing of what was done reaches the caller: no code, no token, no cookie. */
function withhold(ctx: Context): void {
  for (const name of ['set-cookie', 'location', 'content-type', 'content-length']) ctx.remove(name);
  ctx.status = 503;
  ctx.set('retry-after', '5');
  ctx.body = { error: 'temporarily_unavailable', error_description: 'the audit log cannot be written' };
}

function ofProvider(ctx: Context): Deed[] {
  const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
  if (oidc?.route === 'token') return [tokenDeed(ctx, oidc)];
  if (oidc?.route === 'revocation' && ctx.status === 200) {
    return [{ kind: 'token-revoked', agent: agentOfProvider(oidc) }];
  }
  if (oidc?.route === 'registration' && ctx.status === 201) {
    const id = String((ctx.body as { client_id?: unknown }).client_id ?? '');
    return [{ kind: 'client-changed', agent: { client: id }, further: [thing('client', id)] }];
  }
  return [];
}

function tokenDeed(ctx: Context, oidc: KoaContextWithOIDC['oidc']): Deed {
  const agent = agentOfProvider(oidc);
  if (ctx.status === 200) {
    return { kind: oidc.params?.['grant_type'] === 'refresh_token' ? 'token-refreshed' : 'token-issued', agent };
  }
  const { error } = (ctx.body ?? {}) as { error?: unknown };
  const reason = `${ctx.status} ${typeof error === 'string' ? error.slice(0, 60) : ''}`.trim();
  return { kind: 'token-refused', outcome: ctx.status >= 500 ? 8 : 4, reason, agent };
}

function agentOfProvider({ entities }: KoaContextWithOIDC['oidc']): Partial<Agent> {
  const client = entities.Client?.clientId;
  const token = entities.AccessToken ?? entities.RefreshToken ?? entities.AuthorizationCode;
  return {
    ...(client !== undefined && { client }),
    subject: entities.Account?.accountId ?? token?.accountId ?? client ?? '',
  };
}
