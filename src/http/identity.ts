/**
 * Requests below a laboratory's root that are not FHIR: signing in, tokens, the pages of accounts. HTTP finds the
 * laboratory and limits the rate; what is answered is the business of the function that start/ gives (src/identity).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { nobody } from '../access/caller.ts';
import { networkOf } from '../access/network.ts';
import { OutcomeError, outcomeError, statusOf } from '../fhir/outcome.ts';
import { announce } from '../interactions/announce.ts';
import type { Refusals } from '../interactions/refusals.ts';
import type { Server } from '../request.ts';
import type { TenantCache } from '../store/tenant-cache.ts';
import type { Tenant } from '../store/tenants.ts';
import { callerAddress, type Address } from './address.ts';
import { logIdentity } from './identity-log.ts';
import type { RateLimiter } from './rate-limit.ts';

export interface IdentityRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly tenant: Tenant;
  /** The laboratory's root as the caller sees it, without a slash at its end. */
  readonly issuer: string;
  /** The caller's network address. */
  readonly address: string;
  readonly requestId: string;
  /** Why a browser that asks for a page gets none; then nothing else is to be done. */
  readonly refused?: OutcomeError;
}

/** Answers; `request.url` is the path below the laboratory's root. */
export type IdentityHandler = (asked: IdentityRequest) => Promise<void>;

interface Steps {
  readonly server: Pick<Server, 'log' | 'events' | 'agentNumber'>;
  readonly tenants: TenantCache;
  readonly limiter: RateLimiter;
  readonly refusals: Refusals;
  readonly identity: IdentityHandler;
  readonly trusted: (address: string) => boolean;
}

/**
 * Requests a minute and network address. A clinic of many people is behind one address; passwords are limited for each
 * account besides (src/identity/lock-out.ts).
 */
const limits: Readonly<Record<string, number>> = {
  auth: 300,
  'sign-in': 300,
  token: 1_200,
  register: 20,
  account: 300,
  'app-state': 600,
};
/** Everything else. Without PUBLIC_URL each new name in Host costs a new provider, 12 ms of a processor. */
const others = 1_200;

/** The server's own pages, whatever name the host has. */
const ofTheServer = /^\/(healthz|readyz|metrics)(\?|$)/;

const tenantName = /^[a-z][a-z0-9-]{0,62}$/;

export function isIdentityPath(request: IncomingMessage, address: Address): boolean {
  return tenantName.test(address.tenant) && !ofTheServer.test(request.url ?? '');
}

/** @throws OutcomeError where the laboratory is not there or is suspended, or too much is asked. */
export async function handleIdentity(
  steps: Steps,
  exchange: { request: IncomingMessage; response: ServerResponse; address: Address; requestId: string },
): Promise<void> {
  const { request, response, address, requestId } = exchange;
  const tenant = await steps.tenants.find(address.tenant);
  if (tenant === undefined) {
    throw outcomeError(
      'not-found',
      'There is nothing at this address; the FHIR base of a laboratory is /{laboratory}/fhir.',
    );
  }
  const from = callerAddress(request, steps.trusted);
  const asked = { request, response, tenant, issuer: address.root, address: from, requestId };
  const [first = ''] = address.segments;
  logIdentity(steps.server.log, asked, first);
  try {
    admit(steps, asked, first);
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    await auditRefusal(steps, asked, error);
    if (!isPage(request, first)) throw error;
    return await steps.identity({ ...asked, refused: error });
  }
  request.url = pathBelowRoot(request.url ?? '/', address);
  await steps.identity(asked);
}

async function auditRefusal({ server, refusals }: Steps, asked: IdentityRequest, error: OutcomeError): Promise<void> {
  const { tenant, address, requestId } = asked;
  const status = statusOf(error);
  const reason = `${status} ${error.issues[0]?.code ?? ''}`;
  if (!refusals.isTold({ tenant, caller: nobody, address, reason })) return;
  const kind = status === 403 ? 'access-denied' : 'request-refused';
  await announce(server, tenant, { kind, outcome: 4, reason, address, requestId });
}

/** @throws OutcomeError `suppressed`, `throttled` */
function admit({ limiter }: Steps, { tenant, address }: IdentityRequest, first: string): void {
  if (tenant.status === 'suspended') {
    throw outcomeError('suppressed', `The laboratory "${tenant.name}" is suspended; its operator can tell why.`);
  }
  const limited = Object.hasOwn(limits, first) ? first : '';
  limiter.count(`${tenant.id}\n${limited}\n${networkOf(address)}`, limits[limited] ?? others);
}

/** A person looks at it; what applications ask for is answered with an OperationOutcome. */
function isPage({ headers }: IncomingMessage, first: string): boolean {
  return (
    ['', 'auth', 'sign-in', 'account', 'session'].includes(first) && headers.accept?.includes('text/html') === true
  );
}

/** `/demo/auth?x=1` → `/auth?x=1`; below a domain of its own the path is the laboratory's already. */
function pathBelowRoot(url: string, { tenant, segments }: Address): string {
  const path = url.replace(/^https?:\/\/[^/?]*/i, '');
  const [before = ''] = path.split('?');
  const parts = before.split('/').filter((part) => part !== '');
  const query = path.slice(before.length);
  const own = parts.length > segments.length && parts[0] === tenant ? parts.slice(1) : parts;
  return `/${own.join('/')}${query}`;
}
