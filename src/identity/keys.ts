/**
 * The keys with which a laboratory signs id_tokens: RS256, which every OpenID client knows, and ES384 for those that ask
 * for it. Made when first needed; `makhbar keys rotate` adds new ones, and the old stay published until no token that
 * they signed is good any more (src/store/signing-keys.ts).
 */
import { randomUUID } from 'node:crypto';
import { exportJWK, exportPKCS8, generateKeyPair, importPKCS8, type JWK } from 'jose';
import type { Database, Session } from '../store/pool.ts';
import { addFirstSigningKey, addSigningKey, signingKeys, type SigningKey } from '../store/signing-keys.ts';

export const identityAlgorithms = ['RS256', 'ES384'] as const;
const operatorAlgorithm = 'EdDSA';

export interface KeyStore {
  readonly database: Database;
  readonly keyEncryptionKey: Buffer;
}

/** Private JWKs, the newest of each algorithm first. */
export async function identityKeys({ database, keyEncryptionKey }: KeyStore, tenant: number): Promise<JWK[]> {
  const read = (): Promise<SigningKey[]> =>
    signingKeys(database, tenant, { keyEncryptionKey, algorithms: identityAlgorithms });
  let keys = await read();
  const missing = identityAlgorithms.filter((name) => !keys.some(({ algorithm }) => algorithm === name));
  for (const algorithm of missing) {
    await addFirstSigningKey(database, tenant, await newKey(algorithm), keyEncryptionKey);
  }
  if (missing.length > 0) keys = await read();
  return await Promise.all(keys.map(privateJwk));
}

async function privateJwk({ id, algorithm, privatePem }: SigningKey): Promise<JWK> {
  const jwk = await exportJWK(await importPKCS8(privatePem, algorithm, { extractable: true }));
  return { ...jwk, kid: id, alg: algorithm, use: 'sig' };
}

async function newKey(algorithm: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = JSON.stringify(await exportJWK(publicKey));
  return { id: randomUUID(), algorithm, publicJwk, privatePem: await exportPKCS8(privateKey) };
}

/** New keys of every algorithm; their ids. What older ones signed stays good for its time. */
export async function rotateKeys(session: Session, keyEncryptionKey: Buffer): Promise<string[]> {
  const made = await Promise.all([operatorAlgorithm, ...identityAlgorithms].map(newKey));
  for (const key of made) await addSigningKey(session, key, keyEncryptionKey);
  return made.map(({ id }) => id);
}
