/**
 * An authenticator in software, as a browser with a security key would answer (WebAuthn Level 2): ES256, attestation
 * `none`. Each part of an answer can be spoilt, as an attacker would.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface Spoilt {
  origin?: string;
  rpId?: string;
  challenge?: string;
  type?: string;
  /** Without user verification, or without presence. */
  flags?: number;
  counter?: number;
  crossOrigin?: boolean;
  /** Signs something else. */
  signature?: Buffer;
  id?: string;
}

export interface Authenticator {
  /** To the options for `create`. */
  create(options: { challenge: string; rp: { id?: string } }, origin: string, spoilt?: Spoilt): string;
  /** To the options for `get`. */
  get(options: { challenge: string; rpId?: string }, origin: string, spoilt?: Spoilt): string;
  readonly id: string;
  counter: number;
}

const present = 0x01;
const verified = 0x04;
const attested = 0x40;

export function makeAuthenticator(): Authenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const credential = randomBytes(32);
  const id = credential.toString('base64url');
  const authenticator: Authenticator = {
    id,
    counter: 0,
    create: ({ challenge, rp }, origin, spoilt = {}) => {
      const data = authenticatorData(
        spoilt.rpId ?? rp.id ?? '',
        (spoilt.flags ?? present | verified) | attested,
        spoilt.counter ?? 0,
      );
      const length = Buffer.alloc(2);
      length.writeUInt16BE(credential.length);
      const authData = Buffer.concat([data, Buffer.alloc(16), length, credential, coseKey(publicKey)]);
      const attestationObject = cbor(
        new Map<string, unknown>([
          ['fmt', 'none'],
          ['attStmt', new Map()],
          ['authData', authData],
        ]),
      );
      return JSON.stringify({
        id: spoilt.id ?? id,
        rawId: spoilt.id ?? id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientData('webauthn.create', challenge, origin, spoilt).toString('base64url'),
          attestationObject: attestationObject.toString('base64url'),
          transports: ['usb'],
        },
      });
    },
    get: ({ challenge, rpId }, origin, spoilt = {}) => {
      authenticator.counter += 1;
      const data = authenticatorData(
        spoilt.rpId ?? rpId ?? '',
        spoilt.flags ?? present | verified,
        spoilt.counter ?? authenticator.counter,
      );
      const client = clientData('webauthn.get', challenge, origin, spoilt);
      const signed = Buffer.concat([data, createHash('sha256').update(client).digest()]);
      const signature = spoilt.signature ?? sign('sha256', signed, privateKey);
      return JSON.stringify({
        id: spoilt.id ?? id,
        rawId: spoilt.id ?? id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: signature.toString('base64url'),
        },
      });
    },
  };
  return authenticator;
}

function clientData(type: string, challenge: string, origin: string, spoilt: Spoilt): Buffer {
  const data = {
    type: spoilt.type ?? type,
    challenge: spoilt.challenge ?? challenge,
    origin: spoilt.origin ?? origin,
    crossOrigin: spoilt.crossOrigin ?? false,
  };
  return Buffer.from(JSON.stringify(data));
}

function authenticatorData(rpId: string, flags: number, counter: number): Buffer {
  const rest = Buffer.alloc(5);
  rest.writeUInt8(flags);
  rest.writeUInt32BE(counter, 1);
  return Buffer.concat([createHash('sha256').update(rpId).digest(), rest]);
}

/** COSE_Key of an ES256 key (RFC 9053): kty 2, alg -7, crv 1, x, y. */
function coseKey(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const point = (text: string): Buffer => Buffer.from(text, 'base64url');
  return cbor(
    new Map<number, unknown>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, point(x)],
      [-3, point(y)],
    ]),
  );
}

/** As much of CBOR (RFC 8949) as is needed: small integers, byte strings, texts, maps. */
function cbor(value: unknown): Buffer {
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  const map = value as Map<unknown, unknown>;
  return Buffer.concat([head(5, map.size), ...[...map].flatMap(([key, one]) => [cbor(key), cbor(one)])]);
}

function head(major: number, count: number): Buffer {
  if (count < 24) return Buffer.from([(major << 5) | count]);
  if (count < 256) return Buffer.from([(major << 5) | 24, count]);
  return Buffer.from([(major << 5) | 25, count >> 8, count & 255]);
}
