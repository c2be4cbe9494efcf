/**
 * A feed as an administrator or the operator writes it, checked before it is stored: a mistake is refused with a sentence
 * instead of stalling the feed. What is secret in it is encrypted here.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { outcomeError } from '../fhir/outcome.ts';
import type { FeedKind, FeedSettings } from '../store/audit-feeds.ts';
import type { Database } from '../store/pool.ts';
import { decryptSecret, encryptSecret, type EncryptedSecret, type SecretPlace } from '../store/secrets.ts';
import { isInternalLiteral } from './public-address.ts';

export interface FeedDefinition {
  readonly name: string;
  readonly kind: string;
  readonly address: string;
  /** PEM: who vouches for the receiver's certificate; without it, those that Node knows. */
  readonly authority?: string | undefined;
  /** PEM: the certificate of this side and its key, for mutual TLS. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** Bearer token (fhir). */
  readonly token?: string | undefined;
  readonly batch?: string | undefined;
  readonly active?: boolean;
}

/** Where the secrets of feeds are kept. */
export interface FeedKeys {
  readonly database: Database;
  readonly keyEncryptionKey: Buffer;
  readonly tenant: number;
}

/** @throws OutcomeError `invalid` with the sentence. */
export async function feedSettings(
  keys: FeedKeys,
  definition: FeedDefinition,
  { internal }: { readonly internal: boolean },
): Promise<FeedSettings> {
  const { authority, certificate, key, token, active = true } = definition;
  const name = nameOf(definition);
  const kind = kindOf(definition);
  const address = addressOf(kind, definition.address, internal);
  if (authority !== undefined) certificateOf('authority', authority);
  checkOwnCertificate(certificate, key);
  checkToken(kind, token);
  const secret = await sealed(keys, name, { token, key });
  return {
    ...{ name, kind, address, internal, active, batch: batchOf(definition) },
    ...(authority !== undefined && { authority }),
    ...(certificate !== undefined && { certificate }),
    ...(secret !== undefined && { secret }),
  };
}

function invalid(sentence: string): Error {
  return outcomeError('invalid', sentence, { status: 400 });
}

function nameOf({ name }: FeedDefinition): string {
  if (/^[a-z][a-z0-9-]{0,31}$/.test(name)) return name;
  throw invalid('name: a feed is named by 1 to 32 small letters, digits and hyphens, and begins with a letter.');
}

function kindOf({ kind }: FeedDefinition): FeedKind {
  if (kind === 'fhir' || kind === 'syslog') return kind;
  throw invalid('kind is fhir or syslog.');
}

const schemes: Readonly<Record<FeedKind, string>> = { fhir: 'https:', syslog: 'tls:' };

function addressOf(kind: FeedKind, written: string, internal: boolean): string {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const plain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (url?.protocol !== schemes[kind] || !plain || url.hostname === '' || written.length > 500) {
    throw invalid(
      kind === 'fhir'
        ? 'address: the FHIR base of the receiver, https://host/path, without a query, user or password.'
        : 'address: tls://host:port of the receiver (port 6514 where none is given).',
    );
  }
  if (kind === 'syslog' && url.pathname !== '' && url.pathname !== '/')
    throw invalid('address: tls://host:port has no path.');
  if (!internal && isInternalLiteral(url.hostname)) {
    throw invalid('address: it is not public; only the operator may set it, with makhbar audit feed set.');
  }
  return url.href.replace(/\/+$/, '');
}

export function certificateOf(name: string, pem: string): X509Certificate {
  try {
    if (pem.length <= 100_000) return new X509Certificate(pem);
  } catch {
    // Said below.
  }
  throw invalid(`${name} is a certificate in PEM.`);
}

export function checkOwnCertificate(certificate: string | undefined, key: string | undefined): void {
  if (certificate === undefined && key === undefined) return;
  if (certificate === undefined || key === undefined) throw invalid('certificate and key are given together.');
  const read = certificateOf('certificate', certificate);
  if (!isKeyOf(read, key)) throw invalid('key is the private key of the certificate, in PEM and not encrypted.');
}

function isKeyOf(certificate: X509Certificate, pem: string): boolean {
  try {
    return pem.length <= 100_000 && certificate.checkPrivateKey(createPrivateKey(pem));
  } catch {
    return false;
  }
}

function checkToken(kind: FeedKind, token: string | undefined): void {
  if (token === undefined) return;
  if (kind === 'syslog') throw invalid('token: syslog has none; the receiver knows this side by its certificate.');
  if (!/^[\x21-\x7e]{1,8192}$/.test(token))
    throw invalid('token: a bearer token has no spaces and at most 8192 characters.');
}

/** Most events of one exchange: what is held in memory at once. */
const mostTogether = 100;

function batchOf({ batch = '50' }: FeedDefinition): number {
  if (/^[1-9]\d{0,2}$/.test(batch) && Number(batch) <= mostTogether) return Number(batch);
  throw invalid(`batch: from 1 (each event by itself) to ${mostTogether}.`);
}

/** What is secret of a feed. */
export interface FeedSecret {
  readonly token?: string | undefined;
  readonly key?: string | undefined;
}

function placeOf(keys: FeedKeys, name: string): SecretPlace {
  return { ...keys, purpose: 'makhbar audit feed', owner: name };
}

async function sealed(keys: FeedKeys, name: string, secret: FeedSecret): Promise<EncryptedSecret | undefined> {
  if (secret.token === undefined && secret.key === undefined) return undefined;
  return await encryptSecret(placeOf(keys, name), Buffer.from(JSON.stringify(secret)));
}

export async function openFeedSecret(
  keys: FeedKeys,
  { name, secret }: Pick<FeedSettings, 'name' | 'secret'>,
): Promise<FeedSecret> {
  if (secret === undefined) return {};
  return JSON.parse((await decryptSecret(placeOf(keys, name), secret)).toString('utf8')) as FeedSecret;
}
