/**
 * The one resource server of a laboratory: its FHIR base, with the scopes that this request may be granted there.
 *
 * oidc-provider knows a fixed list of scopes for a resource server; SMART's are without number
 * (`patient/Observation.rs?category=…`). So the list is made for each request, from what it asks for.
 */
import { errors, type Client, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider';
import { accessTokenSeconds, lifetimes } from './token-lifetimes.ts';
import type { Laboratory } from './laboratory.ts';
import { forItself, forPeople, grantable } from './scopes.ts';

interface Asked {
  readonly ctx: KoaContextWithOIDC;
  readonly resource: string;
  readonly client: Client;
}

/** @throws InvalidTarget for any other resource, InvalidScope where nothing that is asked for may be granted. */
export function resourceServer(laboratory: Laboratory, { ctx, resource, client }: Asked): ResourceServer {
  const { fhirBase } = laboratory;
  if (resource !== fhirBase) throw new errors.InvalidTarget(`aud must be ${fhirBase}`);
  const own = ctx.oidc.route === 'token' && ctx.oidc.params?.['grant_type'] === 'client_credentials';
  const words = own ? ofClient(ctx, client) : ofPerson(ctx, client);
  return {
    scope: words.join(' '),
    audience: fhirBase,
    accessTokenFormat: 'opaque',
    accessTokenTTL: own ? lifetimes.client : accessTokenSeconds(laboratory),
  };
}

function allowedOf(client: Client): string {
  return String((client as { allowed_scopes?: unknown }).allowed_scopes ?? '');
}

function ofClient(ctx: KoaContextWithOIDC, client: Client): string[] {
  return narrowed(ctx, forItself(grantable(askedOf(ctx), allowedOf(client))));
}

/** At the token endpoint what was granted decides: the scopes of the code or the refresh token. */
function ofPerson(ctx: KoaContextWithOIDC, client: Client): string[] {
  if (ctx.oidc.route === 'token') {
    const { AuthorizationCode: code, RefreshToken: refresh } = ctx.oidc.entities;
    return forPeople(grantable(code?.scope ?? refresh?.scope, allowedOf(client)));
  }
  return narrowed(ctx, forPeople(grantable(askedOf(ctx), allowedOf(client))));
}

function askedOf(ctx: KoaContextWithOIDC): string {
  const scope = ctx.oidc.params?.['scope'];
  return typeof scope === 'string' ? scope : '';
}

/** From here on the request asks only for what it may get: the person sees no more, the answer says no more. */
function narrowed(ctx: KoaContextWithOIDC, words: string[]): string[] {
  if (words.length === 0) throw new errors.InvalidScope('nothing of what is asked for may be granted', askedOf(ctx));
  if (ctx.oidc.params !== undefined) ctx.oidc.params['scope'] = words.join(' ');
  return words;
}
