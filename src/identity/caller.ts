/**
 * Who an access token stands for.
 *
 * 1. A token of the provider is looked up with its client, its account, its grant and the roles in one statement, each
 *    as it is now; the answer is remembered for `remembered` milliseconds at most, so that disabling an account, a
 *    client or a role ends access within 5 s in every process.
 * 2. What it may do is what is in all of: the token's scopes, what the client is registered for, the roles of the account.
 * 3. A role that demands a second factor grants nothing to who signed in without one, also where the role was given, or
 *    the demand made, after the sign-in.
 * 4. Guesses are not remembered.
 */
import { createHash } from 'node:crypto';
import { secondFactorAcr } from '../access/authentication.ts';
import { breakGlassFacts } from '../access/break-glass.ts';
import { makeCaller, type Caller } from '../access/caller.ts';
import { parseManages, type Managed } from '../access/scopes.ts';
import { resolveRoles } from '../access/role-definition.ts';
import { demandsSecondFactor } from '../access/second-factor.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { actorsOf } from '../store/actors.ts';
import { sessionOf, touchRoles } from '../store/accounts.ts';
import { readAccess, type TokenRow } from '../store/token-access.ts';
import type { Database } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import type { GrantContext } from './grant-context.ts';
import { roleFacts } from '../access/role-facts.ts';
import { grantable, resourceScope } from './scopes.ts';
import { makeVerifier } from './token-cache.ts';

const remembered = 3_500;
const most = 10_000;

export type Authenticate = (tenant: Tenant, issuer: string, token: string) => Promise<Caller>;

interface Entry {
  readonly caller: Caller;
  readonly until: number;
}

/** For tokens of the operator, which are JWTs, and of the provider, which are not. */
export function makeAuthenticate(database: Database, now: () => number = Date.now): Authenticate {
  const verify = makeVerifier(database, now);
  const known = new Map<string, Entry>();
  return async (tenant, issuer, token) => {
    if (token.includes('.')) return await verify(tenant, token);
    // The token is for the FHIR base at one address (its audience).
    const key = createHash('sha256').update(`${tenant.id} ${issuer} ${token}`).digest('base64');
    const entry = known.get(key);
    if (entry !== undefined && entry.until > now()) return entry.caller;
    known.delete(key);
    const row = await readAccess(database, tenant.id, token);
    const caller = await withActors(database, tenant.id, callerOf(row, issuer, tenant));
    if (known.size >= most) known.delete(known.keys().next().value ?? '');
    const expires = (row?.expires ?? 0) * 1_000;
    known.set(key, { caller, until: Math.min(now() + remembered, expires) });
    if (row?.accountId !== undefined) void touch(database, tenant, row.accountId, now());
    return caller;
  };
}

/** Notes that the roles were used; nobody waits for it, and an answer does not fail for want of it. */
async function touch(database: Database, tenant: Tenant, accountId: string, now: number): Promise<void> {
  await touchRoles(sessionOf(database, tenant.id), accountId, now).catch(() => undefined);
}

/** @throws OutcomeError `login` (401) */
function callerOf(row: TokenRow | undefined, issuer: string, tenant: Tenant): Caller {
  if (row === undefined) throw refused('is unknown, has expired or was revoked');
  if (row.audience !== `${issuer}/fhir`) throw refused('is for another address');
  const words = grantable(row.scope, row.clientScopes);
  const scopes = words.map(resourceScope).filter((scope) => scope !== undefined);
  const manages = parseManages(words.filter((word) => word.startsWith('manage/')).join(' '));
  if (row.accountId === undefined) return ofClient(row, { scopes, manages });
  const { launch, fhirUser, acr, authTime } = contextOf(row);
  const definitions = resolveRoles(row.roles, row.ownRoles).filter(
    (role) => acr === secondFactorAcr || !demandsSecondFactor(role, tenant.settings.secondFactorRoles),
  );
  const roles = roleFacts(definitions);
  return makeCaller({
    ...roles,
    breakGlass: breakGlassFacts(definitions),
    subject: row.accountId,
    client: row.clientId,
    scopes,
    manages: manages.filter((name) => roles.manages.includes(name)),
    fhirUser: row.fhirUser ?? fhirUser,
    patient: launch.patient,
    encounter: launch.encounter,
    acr,
    authTime,
  });
}

/**
 * An application that acts for itself: what it was registered for is what it may do; it is cleared like a machine. A Consent
 * names it as Device/ and its client id.
 */
function ofClient(
  row: TokenRow,
  allowed: { scopes: NonNullable<ReturnType<typeof resourceScope>>[]; manages: Managed[] },
): Caller {
  const { clearance, roles } = roleFacts(resolveRoles(['interface'], row.ownRoles));
  const { clientId, clientConsent: consent } = row;
  const actors = [`Device/${clientId}`];
  return makeCaller({ ...allowed, subject: clientId, client: clientId, clearance, consent, roles, actors });
}

/** What else a Consent may name the person by. */
async function withActors(database: Database, tenant: number, caller: Caller): Promise<Caller> {
  if (caller.consent === 'exempt' || caller.fhirUser === undefined) return caller;
  return { ...caller, actors: await actorsOf(database, tenant, caller.fhirUser) };
}

function contextOf({ context }: TokenRow): GrantContext {
  return context === undefined ? { launch: {} } : (JSON.parse(context) as GrantContext);
}

function refused(why: string): Error {
  return outcomeError('login', `The access token ${why}.`, {
    status: 401,
    headers: { 'www-authenticate': `Bearer error="invalid_token", error_description="${why}"` },
  });
}
