/**
 * An authorization request in SMART's words becomes one in the provider's. https://hl7.org/fhir/smart-app-launch/app-launch.html
 *
 * 1. By POST it is the same as by GET (capability authorize-post).
 * 2. `aud` is the `resource` of RFC 8707; with or without a slash at its end it means the FHIR base.
 * 3. `launch` goes on as its SHA-256, so that the provider stores no launch id.
 * 4. offline_access asks the person: the provider would drop it without prompt=consent, which SMART does not have.
 *
 * Nothing is judged here: what is wrong is refused by the provider, after it knows the client and where to say so.
 */
import type { Middleware } from 'koa';
import { hashOf } from '../store/oidc.ts';
import type { Laboratory } from './laboratory.ts';
import { readForm } from './pages/form-body.ts';

export function authorizationRequest({ fhirBase }: Pick<Laboratory, 'fhirBase'>): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/auth' || (ctx.method !== 'GET' && ctx.method !== 'POST')) return await next();
    const sent = ctx.method === 'POST' ? await readForm(ctx) : new URLSearchParams(ctx.querystring);
    // No form, or too large: the provider says which parameter is missing.
    ctx.method = 'GET';
    ctx.querystring = translated(sent ?? new URLSearchParams(), fhirBase).toString();
    await next();
  };
}

export function translated(sent: URLSearchParams, fhirBase: string): URLSearchParams {
  const audience = (value: string): string => (value === `${fhirBase}/` ? fhirBase : value);
  const params = new URLSearchParams(
    [...sent].map(([name, value]): [string, string] => {
      if (name === 'aud') return ['resource', audience(value)];
      if (name === 'launch') return ['launch', hashOf(value).toString('hex')];
      return [name, value];
    }),
  );
  const prompt = params.get('prompt');
  const offline = params.get('scope')?.split(' ').includes('offline_access') === true;
  if (offline && prompt?.split(' ').some((word) => word === 'none' || word === 'consent') !== true) {
    params.set('prompt', prompt === null ? 'consent' : `${prompt} consent`);
  }
  return params;
}
