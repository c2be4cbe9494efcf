/**
 * Passkeys as second factor: WebAuthn Level 2, §7.1 and §7.2, by @simplewebauthn/server.
 *
 * 1. The authenticator must verify the person (PIN, finger, face): a stolen device alone is not enough.
 * 2. The relying party is the host of the issuer, the origin is the issuer's: a passkey made at another address is none.
 * 3. A challenge is for one account and one purpose, good once and for five minutes; it is used up before the answer is
 *    looked at.
 * 4. A counter that does not grow is refused: there is a copy of the authenticator.
 */
import { randomUUID } from 'node:crypto';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server';
import type { Authentication } from '../access/authentication.ts';
import { sessionOf, type Account } from '../store/accounts.ts';
import { consumeChallenge, keepChallenge, type Challenge } from '../store/challenges.ts';
import { insertPasskey, readPasskeys, useCounter, type Passkey } from '../store/factors.ts';
import type { Tenant } from '../store/tenants.ts';
import { checkMayAdd, labelOf, tryFactor, type Shown, type Try } from './factors.ts';
import type { Identity, LastDeed } from './identity.ts';

const lifetime = 5 * 60_000;
/** An answer is some 1 kB. */
const longestAnswer = 20_000;

/** The options for navigator.credentials.create. */
export async function startPasskeyEnrolment(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  { issuer, shown }: { issuer: string; shown: Authentication },
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  await checkMayAdd(identity, tenant, account, shown);
  const options = await generateRegistrationOptions({
    rpName: tenant.title,
    rpID: new URL(issuer).hostname,
    userID: new TextEncoder().encode(account.id),
    userName: account.username,
    userDisplayName: account.display,
    timeout: lifetime,
    excludeCredentials: (await passkeysOf(identity, tenant, account)).map(descriptor),
    // Not resident: it is the second factor of a name that is known by then.
    authenticatorSelection: { residentKey: 'discouraged', userVerification: 'required' },
  });
  await keep(identity, tenant, { account: account.id, purpose: 'enrol', value: options.challenge });
  return options;
}

export interface PasskeyAnswer {
  readonly issuer: string;
  readonly response: string;
  readonly label: string;
  readonly shown: Authentication;
  readonly told?: LastDeed;
}

/** The answer of the authenticator; false where it is not good. */
export async function finishPasskeyEnrolment(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  { issuer, response, label, shown, told }: PasskeyAnswer,
): Promise<boolean> {
  await checkMayAdd(identity, tenant, account, shown);
  const answer = parsed(response) as RegistrationResponseJSON | undefined;
  const challenge = await usedChallenge(identity, tenant, { account, purpose: 'enrol', answer });
  if (answer === undefined || challenge === undefined) return false;
  const result = await verifyRegistrationResponse({
    response: answer,
    expectedChallenge: challenge,
    ...expectedFrom(issuer),
    requireUserVerification: true,
  }).catch(() => undefined);
  if (result?.verified !== true) return false;
  const { id, publicKey, counter, transports = [] } = result.registrationInfo.credential;
  const passkey = {
    id: randomUUID(),
    credential: Buffer.from(id, 'base64url'),
    publicKey: Buffer.from(publicKey),
    counter,
    transports: transports.slice(0, 10).map((transport) => String(transport).slice(0, 20)),
  };
  return identity.database.transaction(tenant.id, async (session) => {
    const isNew = await insertPasskey(
      session,
      { ...passkey, account: account.id, label: labelOf(label) },
      identity.now(),
    );
    if (isNew) await told?.(session);
    return isNew;
  });
}

/** The options for navigator.credentials.get; undefined where the account has no passkey. */
export async function startPasskeyVerification(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  issuer: string,
): Promise<PublicKeyCredentialRequestOptionsJSON | undefined> {
  const passkeys = await passkeysOf(identity, tenant, account);
  if (passkeys.length === 0) return undefined;
  const options = await generateAuthenticationOptions({
    rpID: new URL(issuer).hostname,
    timeout: lifetime,
    userVerification: 'required',
    allowCredentials: passkeys.map(descriptor),
  });
  await keep(identity, tenant, { account: account.id, purpose: 'verify', value: options.challenge });
  return options;
}

export async function finishPasskeyVerification(
  identity: Identity,
  tenant: Tenant,
  { issuer, response, ...attempt }: Try & { issuer: string; response: string },
): Promise<Shown> {
  return tryFactor(identity, tenant, attempt, () => isAnswer(identity, tenant, attempt.account, { issuer, response }));
}

async function isAnswer(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  { issuer, response }: { issuer: string; response: string },
): Promise<boolean> {
  const answer = parsed(response) as AuthenticationResponseJSON | undefined;
  const challenge = await usedChallenge(identity, tenant, { account, purpose: 'verify', answer });
  const passkey = (await passkeysOf(identity, tenant, account)).find(
    ({ credential }) => credential.toString('base64url') === answer?.id,
  );
  if (answer === undefined || challenge === undefined || passkey === undefined) return false;
  const result = await verifyAuthenticationResponse({
    response: answer,
    expectedChallenge: challenge,
    ...expectedFrom(issuer),
    credential: {
      id: passkey.credential.toString('base64url'),
      publicKey: new Uint8Array(passkey.publicKey),
      counter: passkey.counter,
    },
    requireUserVerification: true,
  }).catch(() => undefined);
  if (result?.verified !== true) return false;
  const used = { account: account.id, factor: passkey.id, counter: result.authenticationInfo.newCounter };
  return useCounter(sessionOf(identity.database, tenant.id), used, identity.now());
}

function passkeysOf(identity: Identity, tenant: Tenant, account: Account): Promise<Passkey[]> {
  return readPasskeys(sessionOf(identity.database, tenant.id), account.id);
}

function descriptor({ credential, transports }: Passkey): { id: string; transports: string[] } {
  return { id: credential.toString('base64url'), transports: [...transports] };
}

function expectedFrom(issuer: string): { expectedOrigin: string; expectedRPID: string } {
  const { origin, hostname } = new URL(issuer);
  return { expectedOrigin: origin, expectedRPID: hostname };
}

async function keep(identity: Identity, tenant: Tenant, challenge: Challenge): Promise<void> {
  const now = identity.now();
  await keepChallenge(sessionOf(identity.database, tenant.id), challenge, now, now + lifetime);
}

type Answer = { readonly response?: { readonly clientDataJSON?: unknown } } | undefined;

/** The challenge that the answer names, if it was asked of the account and is not used yet. */
async function usedChallenge(
  identity: Identity,
  tenant: Tenant,
  { account, purpose, answer }: { account: Account; purpose: Challenge['purpose']; answer: Answer },
): Promise<string | undefined> {
  const written = answer?.response?.clientDataJSON;
  if (typeof written !== 'string') return undefined;
  const data = parsed(Buffer.from(written, 'base64url').toString()) as { challenge?: unknown } | undefined;
  if (typeof data?.challenge !== 'string') return undefined;
  const asked = { account: account.id, purpose, value: data.challenge };
  const good = await consumeChallenge(sessionOf(identity.database, tenant.id), asked, identity.now());
  return good ? data.challenge : undefined;
}

/** An object, or undefined. */
function parsed(text: string): object | undefined {
  if (text.length > longestAnswer) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
