/**
 * Recovery codes: ten, each good once in place of a second factor that is not at hand. 80 random bits each, so that the
 * hash in the table cannot be guessed back.
 */
import { randomBytes } from 'node:crypto';
import type { Authentication } from '../access/authentication.ts';
import { sessionOf, type Account } from '../store/accounts.ts';
import { consumeRecoveryCode, replaceRecoveryCodes } from '../store/recovery.ts';
import type { Tenant } from '../store/tenants.ts';
import { checkMayChange, tryFactor, type Shown, type Try } from './factors.ts';
import type { Identity, LastDeed } from './identity.ts';

const howMany = 10;
/** Crockford's: without letters that look like digits. */
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Ten new codes, shown once; those before are worthless. */
export async function newRecoveryCodes(
  identity: Identity,
  tenant: Tenant,
  account: Account,
  { told, ...shown }: Authentication & { readonly told?: LastDeed },
): Promise<string[]> {
  await checkMayChange(identity, tenant, account, shown);
  const codes = Array.from({ length: howMany }, newCode);
  await identity.database.transaction(tenant.id, async (session) => {
    await replaceRecoveryCodes(session, account.id, codes.map(canonical), identity.now());
    await told?.(session);
  });
  return codes;
}

export async function useRecoveryCode(
  identity: Identity,
  tenant: Tenant,
  { code, ...attempt }: Try & { code: string },
): Promise<Shown> {
  const written = canonical(code.slice(0, 60));
  const session = sessionOf(identity.database, tenant.id);
  return tryFactor(identity, tenant, attempt, () =>
    consumeRecoveryCode(session, attempt.account.id, written, identity.now()),
  );
}

/** `7K3M-9QXZ-…`: four groups of four. */
function newCode(): string {
  const text = Array.from(randomBytes(16), (byte) => letters[byte % 32]).join('');
  return text.replaceAll(/(.{4})(?=.)/g, '$1-');
}

/** As a person may type it. */
function canonical(code: string): string {
  return code
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
}
