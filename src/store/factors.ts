/**
 * Second factors of accounts: one-time codes and passkeys (table account_factor). Secrets come and go encrypted.
 *
 * 1. A time step is used once: `useStep` lets it through only where it is later than the last (RFC 6238, 5.2).
 * 2. A passkey's counter only grows, except for authenticators that have none and always say 0 (WebAuthn 2, 7.2).
 */
import { instant } from './accounts.ts';
import { instantText, type Session } from './pool.ts';
import type { EncryptedSecret } from './secrets.ts';
import { sql } from './sql.ts';

export type FactorKind = 'totp' | 'passkey';

export interface Factor {
  readonly id: string;
  readonly account: string;
  readonly kind: FactorKind;
  /** A name that the person gave it. */
  readonly label: string;
  /** FHIR instants. */
  readonly created: string;
  readonly lastUsed: string | undefined;
}

export interface Passkey {
  readonly id: string;
  readonly credential: Buffer;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: readonly string[];
}

interface Row {
  factor_id: string;
  account_id: string;
  kind: FactorKind;
  label: string;
  created: string;
  last_used: string | null;
}

/** The confirmed factors of some accounts; of all without ids. */
export async function readFactors(session: Session, accounts?: readonly string[]): Promise<Factor[]> {
  const ids = accounts ?? null;
  const rows = await session.query<Row>(sql`select factor_id, account_id, kind, label, created, last_used
    from account_factor where tenant_id = ${session.tenant} and confirmed is not null
      and (${ids}::uuid[] is null or account_id = any(${ids}::uuid[])) order by created, factor_id`);
  return rows.map((row) => ({
    id: row.factor_id,
    account: row.account_id,
    kind: row.kind,
    label: row.label,
    created: instantText(row.created),
    lastUsed: row.last_used === null ? undefined : instantText(row.last_used),
  }));
}

/** A one-time code that nobody has confirmed yet takes the place of an earlier unconfirmed one; one id keeps its first. */
export async function insertTotp(
  session: Session,
  factor: { id: string; account: string; label: string } & EncryptedSecret,
  now: number,
): Promise<void> {
  await session.query(sql`delete from account_factor where tenant_id = ${session.tenant}
    and account_id = ${factor.account} and kind = 'totp' and confirmed is null and factor_id <> ${factor.id}`);
  await session.query(sql`insert into account_factor
    (tenant_id, account_id, factor_id, kind, label, secret, key_id, step, created)
    values (${session.tenant}, ${factor.account}, ${factor.id}, 'totp', ${factor.label}, ${factor.secret},
      ${factor.keyId}, 0, ${instant(now)})
    on conflict do nothing`);
}

/** The secrets of an account's one-time codes, the confirmed ones or the one that waits for its first code. */
export async function readTotp(
  session: Session,
  account: string,
  confirmed: boolean,
): Promise<({ id: string } & EncryptedSecret)[]> {
  const rows = await session.query<{ factor_id: string; secret: Buffer; key_id: string }>(sql`
    select factor_id, secret, key_id from account_factor where tenant_id = ${session.tenant}
      and account_id = ${account} and kind = 'totp' and (confirmed is not null) = ${confirmed} order by factor_id`);
  return rows.map(({ factor_id: id, secret, key_id: keyId }) => ({ id, secret, keyId }));
}

/** Uses a time step, and confirms the factor with it; false where it, or a later one, was used before. */
export async function useStep(
  session: Session,
  used: { account: string; factor: string; step: number },
  now: number,
): Promise<boolean> {
  const rows = await session.query(sql`update account_factor
    set step = ${used.step}, last_used = ${instant(now)}, confirmed = coalesce(confirmed, ${instant(now)})
    where tenant_id = ${session.tenant} and account_id = ${used.account} and factor_id = ${used.factor}
      and step < ${used.step} returning factor_id`);
  return rows.length > 0;
}

/** False where the credential is registered already. */
export async function insertPasskey(
  session: Session,
  passkey: Passkey & { account: string; label: string },
  now: number,
): Promise<boolean> {
  const rows = await session.query(sql`insert into account_factor
    (tenant_id, account_id, factor_id, kind, label, credential, public_key, counter, transports, created, confirmed)
    values (${session.tenant}, ${passkey.account}, ${passkey.id}, 'passkey', ${passkey.label}, ${passkey.credential},
      ${passkey.publicKey}, ${passkey.counter}, ${passkey.transports}::text[], ${instant(now)}, ${instant(now)})
    on conflict do nothing returning factor_id`);
  return rows.length > 0;
}

export async function readPasskeys(session: Session, account: string): Promise<Passkey[]> {
  const rows = await session.query<{
    factor_id: string;
    credential: Buffer;
    public_key: Buffer;
    counter: string;
    transports: string[];
  }>(sql`select factor_id, credential, public_key, counter, transports from account_factor
    where tenant_id = ${session.tenant} and account_id = ${account} and kind = 'passkey' order by created, factor_id`);
  return rows.map(({ factor_id: id, credential, public_key: publicKey, counter, transports }) => ({
    id,
    credential,
    publicKey,
    counter: Number(counter),
    transports,
  }));
}

/** Notes that a passkey was used; false where its counter did not grow: a copy of it exists. */
export async function useCounter(
  session: Session,
  used: { account: string; factor: string; counter: number },
  now: number,
): Promise<boolean> {
  const rows = await session.query(sql`update account_factor set counter = ${used.counter}, last_used = ${instant(now)}
    where tenant_id = ${session.tenant} and account_id = ${used.account} and factor_id = ${used.factor}
      and (counter < ${used.counter} or (counter = 0 and ${used.counter} = 0)) returning factor_id`);
  return rows.length > 0;
}

/** Removes one factor, or all of an account. Returns how many. */
export async function deleteFactors(session: Session, account: string, factor?: string): Promise<number> {
  const rows = await session.query(sql`delete from account_factor where tenant_id = ${session.tenant}
    and account_id = ${account} and (${factor ?? null}::uuid is null or factor_id = ${factor ?? null}::uuid)
    returning factor_id`);
  return rows.length;
}
