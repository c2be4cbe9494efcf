/**
 * The events of signing in, of tokens, and of what people and apps change here.
 *
 * 1. A change of what is kept (an account, an app, its state) ends with its event, in one transaction (`telling`).
 * 2. Pages note what else they did with the request; what the provider did by itself shows in its answer. Both are stored
 *    before the answer leaves.
 * 3. Where an event cannot be stored the answer is 503.
 */
import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Agent } from '../audit/record.ts';
import { thing, type SecurityEvent } from '../audit/security.ts';
import type { Account } from '../store/accounts.ts';
import { accountById } from './accounts.ts';
import type { LastDeed } from './identity.ts';
import type { Laboratory } from './laboratory.ts';

/** What happened, without where from. */
export type Deed = Omit<SecurityEvent, 'address' | 'requestId'>;

/** Notes an event of this request. */
export function note(ctx: Context, deed: Deed): void {
  ((ctx.state as Noted).deeds ??= []).push(deed);
}

interface Noted {
  deeds?: Deed[];
  visit?: Visit | undefined;
  /** A change was not made because its event could not be stored. */
  untold?: boolean;
}

export interface Doing {
  readonly ctx: Context;
  readonly laboratory: Laboratory;
}

/** For the end of the transaction that makes a change: neither is without the other. */
export function telling({ ctx, laboratory }: Doing, deed: () => Deed): LastDeed {
  return async (session) => {
    const state = ctx.state as Noted;
    const { address = '', requestId = '' } = state.visit ?? {};
    state.untold = true;
    await laboratory.announceWithin(session, { ...deed(), address, requestId });
    state.untold = false;
  };
}

/** The same of a person who changes something of their own account. */
export function tellingChange(doing: Doing, account: Account, what: string): LastDeed {
  return telling(doing, () => changeOf(account, what));
}

export function agentOf({ id, fhirUser, display }: Account, client = ''): Agent {
  return { subject: id, client, roles: [], ...(fhirUser !== undefined && { fhirUser }), name: display };
}

/** Something of a person's own account. */
export function changeOf(account: Account, what: string): Deed {
  const further = [thing('account', account.id)];
  return { kind: 'user-changed', deed: `account ${what}`, agent: agentOf(account), further };
}

/** Of a person who has shown everything that was asked for. */
export async function noteSignIn({ ctx, laboratory }: Doing, accountId: string, client?: string): Promise<void> {
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
    const { address = '', requestId = '' } = ((ctx.state as Noted).visit = visitOf(ctx.req)) ?? {};
    await next();
    const deeds = [...((ctx.state as Noted).deeds ?? []), ...ofProvider(ctx)];
    try {
      for (const deed of deeds) {
        await laboratory.announce(laboratory.tenant, { ...deed, address, requestId });
      }
    } catch (error) {
      laboratory.log.error({ tenant: laboratory.tenant.name, err: error }, 'sign-in not audited');
      withhold(ctx);
    }
    if ((ctx.state as Noted).untold === true) withhold(ctx);
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
