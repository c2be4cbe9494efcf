/**
 * Certificates for tests, made here: an authority and what it vouches for, X.509 v3 with ECDSA (RFC 5280, RFC 5758), in DER
 * by hand, as Node makes keys but no certificates.
 */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface Certified {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...contents: Buffer[]): Buffer => der(0x30, ...contents);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const boolean = der(0x01, Buffer.of(0xff));
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));

function nameOf(common: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(common)))));
}

function time(at: Date): Buffer {
  return der(0x18, Buffer.from(at.toISOString().replaceAll(/[-:T]|\.\d+/g, '')));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean] : []), der(0x04, value));
}

/** localhost and 127.0.0.1. */
const subjectNames = extension(
  '551d11',
  sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.of(127, 0, 0, 1))),
);

interface Wanted {
  readonly subject: string;
  readonly issuer: string;
  readonly keys: Pair;
  readonly signedWith: KeyObject;
  readonly authority: boolean;
}

function make({ subject, issuer, keys, signedWith, authority }: Wanted): Certified {
  const day = 86_400_000;
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ecdsaWithSha256,
    nameOf(issuer),
    sequence(time(new Date(Date.now() - day)), time(new Date(Date.now() + day))),
    nameOf(subject),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        extension('551d13', authority ? sequence(boolean) : sequence(), true),
        ...(authority ? [] : [subjectNames]),
      ),
    ),
  );
  const signature = sign('sha256', body, signedWith);
  const whole = sequence(body, ecdsaWithSha256, der(0x03, Buffer.of(0), signature));
  const lines = whole.toString('base64').replaceAll(/.{64}/g, '$&\n');
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

const pair = (): Pair => generateKeyPairSync('ec', { namedCurve: 'P-256' });

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** A certificate for localhost, of a server or a client. */
  certify(subject: string): Certified;
}

export function makeAuthority(): Authority {
  const keys = pair();
  const issuer = `Test authority ${randomBytes(4).toString('hex')}`;
  const { certificate } = make({ subject: issuer, issuer, keys, signedWith: keys.privateKey, authority: true });
  return {
    certificate,
    certify: (subject) => make({ subject, issuer, keys: pair(), signedWith: keys.privateKey, authority: false }),
  };
}
