/**
 * What an application may be registered with. Pure. https://www.rfc-editor.org/rfc/rfc7591, SMART App Launch 2.2
 *
 * 1. Redirect URIs are compared exactly: https, http on a loopback address, or for native applications a scheme of their
 *    own (RFC 8252 §7.1); never a fragment, a wildcard or credentials.
 * 2. Keys are public keys that RS384 or ES384 can verify with, inline or at an https address.
 * 3. Applications that act for people get no system/ scopes, those that act for themselves no others.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { contextScopes, managed, parseScope } from './scopes.ts';

export const clientKinds = ['public', 'confidential', 'asymmetric', 'backend', 'launcher'] as const;
export type ClientKind = (typeof clientKinds)[number];

export interface ClientMetadata {
  readonly redirectUris?: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  /** JSON Web Key Set of public keys. */
  readonly jwks?: { readonly keys: readonly object[] };
  readonly jwksUri?: string;
  /** Where an EMR launches the application. */
  readonly launchUri?: string;
  readonly logoUri?: string;
  readonly idTokenAlgorithm?: 'RS256' | 'ES384';
  readonly native?: boolean;
  /** The person is not asked what to grant: the laboratory has decided. */
  readonly trusted?: boolean;
  readonly dynamic?: boolean;
  /** An application of the laboratory itself that must lose nothing: consents of patients do not bind it. */
  readonly consent?: 'exempt';
}

export interface Definition {
  readonly id: string;
  readonly kind: ClientKind;
  readonly name: string;
  readonly scopes: string;
  readonly metadata: ClientMetadata;
}

const forPeople: ReadonlySet<ClientKind> = new Set<ClientKind>(['public', 'confidential', 'asymmetric']);
const withKeys: ReadonlySet<ClientKind> = new Set<ClientKind>(['asymmetric', 'backend']);
const personWords: ReadonlySet<string> = new Set(contextScopes);
const mostUris = 20;
const mostKeys = 10;
const longest = 2_000;

/** @throws OutcomeError `invalid` that names the member and the rule. */
export function checkClient(client: Definition): void {
  const { id, kind, name, metadata } = client;
  if (!/^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/.test(id)) {
    throw invalid(
      `"${id.slice(0, 60)}" cannot be the id of a client: 1 to 128 letters, digits, dots, hyphens and the like.`,
    );
  }
  if (name.trim() === '' || name.length > 200) throw invalid('A client needs a name of 1 to 200 characters.');
  checkScopes(client);
  checkRedirects(client);
  checkKeys(client);
  for (const [member, uri] of Object.entries({ launchUri: metadata.launchUri, logoUri: metadata.logoUri })) {
    if (uri !== undefined && !isWebUri(uri))
      throw invalid(`${member} is an https address, not "${uri.slice(0, 100)}".`);
  }
  if (metadata.native === true && !forPeople.has(kind)) throw invalid(`A client of kind ${kind} is not a native app.`);
}

function checkScopes({ scopes, kind }: Definition): void {
  const words = scopes.split(' ').filter(Boolean);
  if (words.length === 0) throw invalid('A client needs the scopes that it may ask for.');
  if (scopes.length > longest * 5) throw invalid(`The scopes of a client have at most ${longest * 5} characters.`);
  for (const word of words) {
    if (isManaging(word) || word === 'introspection') continue;
    if (personWords.has(word)) {
      if (!forPeople.has(kind)) throw invalid(`A client of kind ${kind} acts for itself: it cannot have ${word}.`);
      continue;
    }
    const { context } = parseScope(word);
    if ((context === 'system') === forPeople.has(kind)) {
      const rule = forPeople.has(kind) ? 'user/ and patient/ scopes' : 'system/ scopes';
      throw invalid(`${word}: a client of kind ${kind} takes ${rule}.`);
    }
  }
}

function isManaging(word: string): boolean {
  return managed.some((name) => word === `manage/${name}`);
}

function checkRedirects({ kind, metadata }: Definition): void {
  const { redirectUris = [], postLogoutRedirectUris = [], native = false } = metadata;
  const needed = forPeople.has(kind);
  if (needed && redirectUris.length === 0) throw invalid(`A client of kind ${kind} needs a redirect URI.`);
  if (!needed && redirectUris.length > 0) throw invalid(`A client of kind ${kind} has no redirect URI.`);
  for (const uri of [...redirectUris, ...postLogoutRedirectUris]) {
    if (!isRedirectUri(uri, native)) {
      throw invalid(
        `"${uri.slice(0, 100)}" cannot be a redirect URI: it must be an https address, http on 127.0.0.1, [::1] or localhost${native ? ', or of a scheme of the app’s own such as com.example.app:/callback' : ''}, without a fragment, a wildcard or a user name.`,
      );
    }
  }
  if (redirectUris.length > mostUris || postLogoutRedirectUris.length > mostUris) {
    throw invalid(`A client has at most ${mostUris} redirect URIs.`);
  }
}

const loopback = new Set(['127.0.0.1', '[::1]', 'localhost']);

export function isRedirectUri(uri: string, native: boolean): boolean {
  if (uri.length > longest || /[#*\s\\]/.test(uri) || !URL.canParse(uri)) return false;
  const { protocol, hostname, username, password } = new URL(uri);
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return isHostName(hostname);
  if (protocol === 'http:') return loopback.has(hostname);
  // A scheme with a dot is named after a domain; others are taken by the browser or by other programs.
  return native && /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(protocol);
}

/** URLs allow more: a host with a semicolon or comma would add to the policy of the pages that name it (form-action). */
function isHostName(host: string): boolean {
  return /^([a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])$/.test(host);
}

function isWebUri(uri: string): boolean {
  if (uri.length > longest || !URL.canParse(uri)) return false;
  const { protocol, hostname, username, password } = new URL(uri);
  if (username !== '' || password !== '') return false;
  return (protocol === 'https:' && isHostName(hostname)) || (protocol === 'http:' && loopback.has(hostname));
}

function checkKeys({ kind, metadata }: Definition): void {
  const { jwks, jwksUri } = metadata;
  if (jwks !== undefined && jwksUri !== undefined)
    throw invalid('A client has keys inline or at an address, not both.');
  if (withKeys.has(kind) && jwks === undefined && jwksUri === undefined) {
    throw invalid(`A client of kind ${kind} needs its public keys (jwks) or their address (jwksUri).`);
  }
  if (jwksUri !== undefined && !isWebUri(jwksUri)) {
    throw invalid(`jwksUri is an https address, not "${jwksUri.slice(0, 100)}".`);
  }
  if (jwks === undefined) return;
  if (!Array.isArray(jwks.keys) || jwks.keys.length === 0 || jwks.keys.length > mostKeys) {
    throw invalid(`jwks holds 1 to ${mostKeys} keys.`);
  }
  for (const key of jwks.keys) checkKey(key);
}

const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

function checkKey(key: object): void {
  const jwk = key as Record<string, unknown>;
  const secret = secretMembers.find((member) => member in jwk);
  if (secret !== undefined)
    throw invalid('jwks holds public keys; this one is private. Make a new pair, this one is known now.');
  if (typeof jwk['kid'] !== 'string' || jwk['kid'] === '') throw invalid('Each key in jwks needs a kid.');
  if (jwk['kty'] === 'EC' && jwk['crv'] === 'P-384') return;
  if (jwk['kty'] === 'RSA' && typeof jwk['n'] === 'string' && Buffer.from(jwk['n'], 'base64url').length >= 256) return;
  throw invalid(`The key ${jwk['kid']} fits neither RS384 (RSA of 2048 bits or more) nor ES384 (EC, P-384).`);
}

function invalid(sentence: string): Error {
  return outcomeError('invalid', sentence);
}
