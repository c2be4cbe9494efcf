/**
 * Access tokens that the person who runs the machine issues (`makhbar token`): signed, short-lived, of one laboratory.
 *
 * JWT access tokens after RFC 9068: typ at+jwt, EdDSA by a key of the laboratory's own, iss, aud, sub, client_id, scope,
 * iat, exp, jti. Issuer and audience are URNs, not URLs: the command line cannot know under which of its addresses a
 * laboratory will be called.
 *
 * The claim `about` says who the caller is, where it is not the operator for everything: a patient in context, roles.
 *
 * 1. A token lives at most an hour.
 * 2. A token is good for the laboratory whose key signed it and whose name is its audience, and for no other.
 */
import { randomUUID } from 'node:crypto';
import {
  errors,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importJWK,
  importPKCS8,
  jwtVerify,
  SignJWT,
  type JWTPayload,
} from 'jose';
import { operatorAcr } from '../access/authentication.ts';
import { operatorCaller, type Caller, type CallerFacts } from '../access/caller.ts';
import { parseManages, parseRoleScope, parseScopes, scopeText, type Managed, type Scope } from '../access/scopes.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { sessionOf } from '../store/accounts.ts';
import type { Database } from '../store/pool.ts';
import { addSigningKey, currentSigningKey, verificationKey, type SigningKey } from '../store/signing-keys.ts';
import type { Tenant } from '../store/tenants.ts';

const ALGORITHM = 'EdDSA';
const ISSUER = 'urn:makhbar:operator';
const LONGEST_SECONDS = 3600;
/** Between machines whose clocks are not quite the same. */
const TOLERANCE_SECONDS = 5;

export interface Issued {
  token: string;
  /** When it stops being good, in seconds since 1970. */
  exp: number;
  jti: string;
}

export interface TokenRequest {
  scopes: readonly Scope[];
  /** Seconds, at most an hour. */
  ttl?: number;
  subject?: string;
  client?: string;
  manages?: readonly Managed[];
  about?: About;
}

/** Who the caller is, where it is not the operator for everything. */
export interface About extends Pick<
  CallerFacts,
  'patient' | 'encounter' | 'fhirUser' | 'roles' | 'purposes' | 'clearance' | 'consent' | 'actors' | 'acr' | 'authTime'
> {
  /** Scopes of roles: nothing is allowed that none of them allows. */
  readonly roleScopes?: readonly string[];
  /** May break the glass for so long, with the scopes of these roles. */
  readonly breakGlass?: { readonly minutes: number; readonly roleScopes: readonly string[] };
}

/** What a process needs to sign. */
export interface Signing {
  database: Database;
  keyEncryptionKey: Buffer;
}

/** @throws OutcomeError for no scopes, a lifetime past an hour or a suspended tenant. */
export async function issueToken(signing: Signing, tenant: Tenant, request: TokenRequest): Promise<Issued> {
  const { scopes, ttl = LONGEST_SECONDS, subject = 'operator', client = 'makhbar' } = request;
  const { manages = [], about = {} } = request;
  if (scopes.length + manages.length === 0) throw outcomeError('required', 'A token needs at least one scope.');
  if (!(ttl >= 1 && ttl <= LONGEST_SECONDS)) {
    throw outcomeError('value', `A token lives from 1 to ${LONGEST_SECONDS} seconds, not ${ttl}.`);
  }
  if (tenant.status === 'suspended') throw outcomeError('suppressed', `The laboratory ${tenant.name} is suspended.`);
  const key = await signingKeyOf(signing, tenant);
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + Math.floor(ttl);
  const jti = randomUUID();
  const scope = [...scopes.map(scopeText), ...manages.map((name) => `manage/${name}`)].join(' ');
  const token = await new SignJWT({ scope, client_id: client, ...(request.about && { about }) })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt', kid: key.id })
    .setIssuer(ISSUER)
    .setAudience(audience(tenant))
    .setSubject(subject)
    .setIssuedAt(iat)
    .setExpirationTime(exp)
    .setJti(jti)
    .sign(await importPKCS8(key.privatePem, ALGORITHM));
  return { token, exp, jti };
}

function audience(tenant: Tenant): string {
  return `urn:makhbar:laboratory:${tenant.name}`;
}

/** The key that signs for a laboratory now, Ed25519; made when first needed. */
export async function signingKeyOf({ database, keyEncryptionKey }: Signing, tenant: Tenant): Promise<SigningKey> {
  const current = await currentSigningKey(database, tenant.id, keyEncryptionKey);
  if (current !== undefined) return current;
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const made = {
    id: randomUUID(),
    algorithm: ALGORITHM,
    publicJwk: JSON.stringify(await exportJWK(publicKey)),
    privatePem: await exportPKCS8(privateKey),
  };
  await addSigningKey(sessionOf(database, tenant.id), made, keyEncryptionKey);
  return made;
}

export interface Verified extends Caller {
  readonly exp: number;
  readonly jti: string;
}

/** @throws OutcomeError `login` (401), or `expired` (401), for a token that is not good for this tenant. */
export async function verifyToken(database: Database, tenant: Tenant, token: string): Promise<Verified> {
  try {
    const { payload } = await jwtVerify(token, (header) => publicKey(database, tenant, header.kid), {
      algorithms: [ALGORITHM],
      typ: 'at+jwt',
      issuer: ISSUER,
      audience: audience(tenant),
      clockTolerance: TOLERANCE_SECONDS,
      maxTokenAge: LONGEST_SECONDS,
      requiredClaims: ['exp', 'sub', 'jti', 'scope', 'client_id'],
    });
    return { ...callerFrom(payload), exp: Number(payload.exp), jti: String(payload.jti) };
  } catch (error) {
    throw refusal(error);
  }
}

function callerFrom(payload: JWTPayload): Caller {
  const { roleScopes, breakGlass, ...about } = (payload['about'] ?? {}) as About;
  const scope = String(payload['scope']);
  return operatorCaller({
    acr: operatorAcr,
    authTime: Number(payload.iat),
    ...about,
    roleScopes: roleScopes?.map(parseRoleScope),
    breakGlass: breakGlass && { ...breakGlass, roleScopes: breakGlass.roleScopes.map(parseRoleScope) },
    subject: String(payload.sub),
    client: String(payload['client_id']),
    scopes: parseScopes(scope),
    manages: parseManages(scope),
  });
}

async function publicKey(database: Database, tenant: Tenant, keyId: string | undefined) {
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(keyId ?? '');
  const key = isUuid ? await verificationKey(database, tenant.id, keyId ?? '') : undefined;
  if (key?.algorithm !== ALGORITHM) throw new errors.JWKSNoMatchingKey();
  return await importJWK(JSON.parse(key.publicJwk), ALGORITHM);
}

function refusal(error: unknown): unknown {
  const challenge = (description: string) => ({
    'www-authenticate': `Bearer error="invalid_token", error_description="${description}"`,
  });
  if (error instanceof errors.JWTExpired) {
    return outcomeError('expired', 'The access token has expired.', { status: 401, headers: challenge('expired') });
  }
  if (error instanceof errors.JOSEError) {
    const sentence = 'The access token is not good for this laboratory.';
    return outcomeError('login', sentence, { status: 401, headers: challenge('not good for this laboratory') });
  }
  return error;
}
