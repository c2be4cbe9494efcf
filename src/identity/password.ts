/**
 * Hashes of passwords: argon2id (RFC 9106) with its parameters in the hash, so that they can change.
 *
 * 64 MiB and two passes take about 100 ms here, which a person does not notice and somebody who has stolen the table does.
 *
 * 1. Where there is no hash to compare with, the same work is done: who measures does not learn which names exist.
 * 2. A password is compared in NFKC: keyboards differ in how they send an é (NIST SP 800-63B 5.1.1.2).
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Tenant } from '../store/tenants.ts';
import type { Identity } from './identity.ts';

interface Parameters {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

const current: Parameters = { memory: 65_536, passes: 2, parallelism: 1 };
const tagLength = 32;
const derive = promisify(argon2);

export async function hashPassword(identity: Identity, tenant: Tenant, password: string): Promise<string> {
  const salt = randomBytes(16);
  const tag = await tagOf(identity, tenant, { password, salt, parameters: current });
  const { memory, passes, parallelism } = current;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

/** Whether the password is the one of the hash; without a hash false, after the same work. */
export async function verifyPassword(
  identity: Identity,
  tenant: Tenant,
  { password, hash }: { password: string; hash: string | undefined },
): Promise<boolean> {
  const parsed = hash === undefined ? undefined : parseHash(hash);
  const { parameters, salt, tag } = parsed ?? nothing();
  const derived = await tagOf(identity, tenant, { password, salt, parameters });
  return parsed !== undefined && derived.length === tag.length && timingSafeEqual(derived, tag);
}

/** Whether a hash was made with other parameters than new ones are. */
export function isOutdated(hash: string): boolean {
  const parameters = parseHash(hash)?.parameters;
  return (
    parameters === undefined ||
    parameters.memory !== current.memory ||
    parameters.passes !== current.passes ||
    parameters.parallelism !== current.parallelism
  );
}

interface Parsed {
  parameters: Parameters;
  salt: Buffer;
  tag: Buffer;
}

function nothing(): Parsed {
  return { parameters: current, salt: randomBytes(16), tag: Buffer.alloc(0) };
}

const written = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

function parseHash(hash: string): Parsed | undefined {
  const [, memory, passes, parallelism, salt = '', tag = ''] = written.exec(hash) ?? [];
  if (memory === undefined) return undefined;
  return {
    parameters: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}

async function tagOf(
  { hashing }: Identity,
  tenant: Tenant,
  { password, salt, parameters }: { password: string; salt: Buffer; parameters: Parameters },
): Promise<Buffer> {
  const message = Buffer.from(password.normalize('NFKC'));
  return hashing.take(tenant.id, () => derive('argon2id', { message, nonce: salt, tagLength, ...parameters }));
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
