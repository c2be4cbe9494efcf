/**
 * One-time codes by time (RFC 6238): six digits, 30 seconds, SHA-1, which is what authenticator apps know.
 *
 * A code of the step before or after is taken too; each step once (store/factors.ts).
 */
import { createHash, randomUUID } from 'node:crypto';
import { generateSecret, generateURI, verifySync } from 'otplib';
import type { Authentication } from '../access/authentication.ts';
import { sessionOf, type Account } from '../store/accounts.ts';
import { insertTotp, readTotp, useStep } from '../store/factors.ts';
import type { EncryptedSecret } from '../store/secrets.ts';
import type { Tenant } from '../store/tenants.ts';
import { checkMayAdd, labelOf, tryFactor, type Shown, type Try } from './factors.ts';
import type { Identity, LastDeed } from './identity.ts';
import { decrypt, encrypt } from './secrets.ts';

/** What the person puts into an app, by hand or as a picture. */
export interface TotpEnrolment {
  readonly secret: string;
  /** otpauth://… */
  readonly uri: string;
}

export interface Starting {
  readonly label: string;
  readonly shown: Authentication;
  /** What no other visit has: within one the same secret is shown again; another gets its own. */
  readonly visit?: string;
}

/** A factor that counts once a first code has confirmed it. */
export async function startTotp(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  { label, shown, visit = randomUUID() }: Starting,
): Promise<TotpEnrolment> {
  await checkMayAdd(identity, tenant, account, shown);
  const session = sessionOf(identity.database, tenant.id);
  const confirmed = await readTotp(session, account.id, true);
  const id = factorId([visit, account.id, ...confirmed.map((factor) => factor.id)]);
  const pending = async (): Promise<EncryptedSecret | undefined> =>
    (await readTotp(session, account.id, false)).find((factor) => factor.id === id);
  const name = `${account.id}/${id}`;
  let stored = await pending();
  if (stored === undefined) {
    const encrypted = await encrypt(identity, tenant, name, Buffer.from(generateSecret()));
    await identity.database.transaction(tenant.id, (inside) =>
      insertTotp(inside, { id, account: account.id, label: labelOf(label), ...encrypted }, identity.now()),
    );
    // Of two requests of one visit at once, both show what the first has stored.
    stored = (await pending()) ?? encrypted;
  }
  const secret = (await decrypt(identity, tenant, name, stored)).toString();
  return { secret, uri: uriOf(tenant, account, secret) };
}

/** The id of the factor that a visit enrols next, as a UUID (version 8). */
function factorId(of: readonly string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(of)).digest('hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A colon would end the name of the issuer. */
function uriOf(tenant: Tenant, account: Account, secret: string): string {
  return generateURI({ issuer: tenant.title.replaceAll(':', ' '), label: account.username, secret });
}

/** The first code of a new factor. */
export async function confirmTotp(
  identity: Identity,
  tenant: Tenant,
  { code, told, ...attempt }: Try & { code: string; told?: LastDeed },
): Promise<Shown> {
  return tryFactor(identity, tenant, attempt, () =>
    isCode(identity, tenant, attempt.account, { code, confirmed: false, told }),
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
  { code, confirmed, told }: { code: string; confirmed: boolean; told?: LastDeed | undefined },
): Promise<boolean> {
  const digits = asciiDigits(code);
  if (!/^\d{6}$/.test(digits)) return false;
  const session = sessionOf(identity.database, tenant.id);
  const now = identity.now();
  for (const factor of await readTotp(session, account.id, confirmed)) {
    const secret = (await decrypt(identity, tenant, `${account.id}/${factor.id}`, factor)).toString();
    const result = verifySync({ secret, token: digits, epoch: Math.floor(now / 1_000), epochTolerance: 30 });
    if (result.valid && 'timeStep' in result) {
      const used = { account: account.id, factor: factor.id, step: result.timeStep };
      return identity.database.transaction(tenant.id, async (inside) => {
        const isNew = await useStep(inside, used, now);
        if (isNew) await told?.(inside);
        return isNew;
      });
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
