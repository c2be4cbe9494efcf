/**
 * One-time codes by time (RFC 6238): six digits, 30 seconds, SHA-1, which is what authenticator apps know.
 *
 * A code of the step before or after is taken too; each step once (store/factors.ts).
 */
import { randomUUID } from 'node:crypto';
import { generateSecret, generateURI, verifySync } from 'otplib';
import type { Authentication } from '../access/authentication.ts';
import { sessionOf, type Account } from '../store/accounts.ts';
import { insertTotp, readTotp, useStep } from '../store/factors.ts';
import type { Tenant } from '../store/tenants.ts';
import { checkMayAdd, labelOf, tryFactor, type Shown, type Try } from './factors.ts';
import type { Identity } from './identity.ts';
import { decrypt, encrypt } from './secrets.ts';

/** What the person puts into an app, by hand or as a picture. */
export interface TotpEnrolment {
  readonly secret: string;
  /** otpauth://… */
  readonly uri: string;
}

/** A factor that counts once a first code has confirmed it. */
export async function startTotp(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  { label, shown }: { label: string; shown: Authentication },
): Promise<TotpEnrolment> {
  await checkMayAdd(identity, tenant, account, shown);
  const secret = generateSecret();
  const id = randomUUID();
  const encrypted = await encrypt(identity, tenant, `${account.id}/${id}`, Buffer.from(secret));
  await identity.database.transaction(tenant.id, (session) =>
    insertTotp(session, { id, account: account.id, label: labelOf(label), ...encrypted }, identity.now()),
  );
  return { secret, uri: uriOf(tenant, account, secret) };
}

/** The enrolment that waits for its first code, to show it again. */
export async function pendingTotp(
  identity: Identity,
  tenant: Tenant,
  account: Account,
): Promise<TotpEnrolment | undefined> {
  const [pending] = await readTotp(sessionOf(identity.database, tenant.id), account.id, false);
  if (pending === undefined) return undefined;
  const secret = (await decrypt(identity, tenant, `${account.id}/${pending.id}`, pending)).toString();
  return { secret, uri: uriOf(tenant, account, secret) };
}

/** A colon would end the name of the issuer. */
function uriOf(tenant: Tenant, account: Account, secret: string): string {
  return generateURI({ issuer: tenant.title.replaceAll(':', ' '), label: account.username, secret });
}

/** The first code of a new factor. */
export async function confirmTotp(
  identity: Identity,
  tenant: Tenant,
  { code, ...attempt }: Try & { code: string },
): Promise<Shown> {
  return tryFactor(identity, tenant, attempt, () =>
    isCode(identity, tenant, attempt.account, { code, confirmed: false }),
  );
}

export async function verifyTotp(
  identity: Identity,
  tenant: Tenant,
  { code, ...attempt }: Try & { code: string },
): Promise<Shown> {
  return tryFactor(identity, tenant, attempt, () =>
    isCode(identity, tenant, attempt.account, { code, confirmed: true }),
  );
}

async function isCode(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  { code, confirmed }: { code: string; confirmed: boolean },
): Promise<boolean> {
  const digits = asciiDigits(code);
  if (!/^\d{6}$/.test(digits)) return false;
  const session = sessionOf(identity.database, tenant.id);
  const now = identity.now();
  for (const factor of await readTotp(session, account.id, confirmed)) {
    const secret = (await decrypt(identity, tenant, `${account.id}/${factor.id}`, factor)).toString();
    const result = verifySync({ secret, token: digits, epoch: Math.floor(now / 1_000), epochTolerance: 30 });
    if (result.valid && 'timeStep' in result) {
      return useStep(session, { account: account.id, factor: factor.id, step: result.timeStep }, now);
    }
  }
  return false;
}

/** Without spaces, and in the digits of any script: ١٢٣٤٥٦ is what an Arabic keyboard writes. */
function asciiDigits(code: string): string {
  return code
    .slice(0, 40)
    .replaceAll(/\s/g, '')
    .replaceAll(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x0660))
    .replaceAll(/[۰-۹]/g, (digit) => String(digit.charCodeAt(0) - 0x06f0));
}
