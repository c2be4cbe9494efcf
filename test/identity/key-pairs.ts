/** Key pairs of clients, and the assertions that they sign (SMART: private_key_jwt). */
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

export interface ClientKeys {
  readonly algorithm: 'RS384' | 'ES384';
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function makeKeys(algorithm: 'RS384' | 'ES384'): Promise<ClientKeys> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const kid = randomUUID();
  return {
    algorithm,
    kid,
    privateKey,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' },
  };
}

export interface Claims {
  readonly clientId: string;
  readonly audience: string;
  readonly jti?: string;
  /** Seconds from now. */
  readonly expiresIn?: number;
  readonly header?: Readonly<Record<string, unknown>>;
}

export async function assertion(keys: ClientKeys, claims: Claims): Promise<string> {
  const { clientId, audience, jti = randomUUID(), expiresIn = 120, header = {} } = claims;
  return await new SignJWT({})
    .setProtectedHeader({ alg: keys.algorithm, kid: keys.kid, typ: 'JWT', ...header })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(jti)
    .setExpirationTime(Math.floor(Date.now() / 1000) + expiresIn)
    .sign(keys.privateKey);
}

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
