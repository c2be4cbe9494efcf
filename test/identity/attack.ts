/** What the attack tests share: a code before it is exchanged, requests that an honest application would not send. */
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { authorize, makePkce, type App, type FlowOptions, type Person, type Pkce, type TokenAnswer } from './app.ts';

export interface Code {
  readonly code: string;
  readonly pkce: Pkce;
  readonly answer: URL;
}

/** Signs in and grants, up to the code. */
export async function codeFor(app: App, person: Person, options: FlowOptions = {}): Promise<Code> {
  const pkce = options.pkce ?? makePkce();
  const page = await authorize(app, person, { scope: 'openid fhirUser user/*.rs', ...options, pkce });
  const answer = page.leftTo;
  const code = answer?.searchParams.get('code');
  if (answer === undefined || typeof code !== 'string') {
    throw new Error(`No code: ${page.status} ${answer?.href ?? page.text.replaceAll(/<[^>]*>|\s+/g, ' ')}`);
  }
  return { code, pkce, answer };
}

export type Fields = Iterable<readonly [string, string]> | Readonly<Record<string, string>>;

/** Posts a form, with nothing added. */
export async function post(url: string, fields: Fields, headers: Record<string, string> = {}): Promise<TokenAnswer> {
  const body = new URLSearchParams(
    Symbol.iterator in fields ? [...fields].map(([name, value]): [string, string] => [name, value]) : { ...fields },
  ).toString();
  const answer = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json', ...headers },
    body,
  });
  const text = await answer.text();
  return {
    status: answer.status,
    body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text },
  };
}

export function exchangeFields(app: App, { code, pkce }: Pick<Code, 'code' | 'pkce'>): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    client_id: app.clientId,
    code,
    redirect_uri: app.redirectUri,
    code_verifier: pkce.verifier,
  };
}

export function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
}

export interface KeyPair {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK & { kid: string };
  readonly algorithm: string;
}

export async function makeKeys(algorithm: 'RS384' | 'ES384' = 'ES384'): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const kid = randomUUID();
  return { privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' }, algorithm };
}

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The claims of a good assertion. */
export function goodClaims(app: Pick<App, 'clientId' | 'issuer'>): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: app.clientId,
    sub: app.clientId,
    aud: `${app.issuer}/token`,
    jti: randomUUID(),
    iat: now,
    exp: now + 120,
  };
}

export async function sign(keys: KeyPair, claims: Record<string, unknown>, header: object = {}): Promise<string> {
  const made = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
  return await new SignJWT(made)
    .setProtectedHeader({ alg: keys.algorithm, typ: 'JWT', kid: keys.publicJwk.kid, ...header })
    .sign(keys.privateKey);
}

/** A JWT put together by hand, for what no library signs. */
export function rawJwt(header: object, claims: object, signature = ''): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}

export function without(fields: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
}
