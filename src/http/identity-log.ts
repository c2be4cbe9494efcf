/**
 * The line in the log of a request for signing in. Of its path only the first part, where it is one of ours: further
 * parts and the query are tickets, codes and what people typed.
 */
import type { IdentityRequest } from './identity.ts';
import type { Log } from '../log.ts';

const routes = new Set([
  '',
  'account',
  'app-state',
  'assets',
  'auth',
  'jwks',
  'me',
  'register',
  'session',
  'sign-in',
  'token',
  '.well-known',
]);

/** Written when the answer has been given, or the caller is gone. */
export function logIdentity(log: Log, { request, response, tenant, requestId }: IdentityRequest, first: string): void {
  const started = performance.now();
  response.once('close', () => {
    const milliseconds = Math.round((performance.now() - started) * 10) / 10;
    const route = routes.has(first) ? first : 'unknown';
    const seen = { method: request.method, status: response.statusCode, tenant: tenant.name, route };
    log.info({ ...seen, milliseconds, requestId }, 'identity request');
  });
}
