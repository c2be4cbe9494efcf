/**
 * Headers of every response: the request's id, what browsers must not do, which origins may call (any by default: a
 * caller is known by its token, never by a cookie).
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** The caller's X-Request-Id where it is fit for a log line, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : randomUUID();
}

const exposed = 'etag, last-modified, location, content-location, x-request-id, retry-after, link';

export interface CommonHeaders {
  /** The caller reaches us by TLS. */
  readonly secure: boolean;
  /** Web origins whose pages may call; `*` = any. */
  readonly origins: '*' | readonly string[];
}

export function setCommonHeaders(
  request: IncomingMessage,
  response: ServerResponse,
  id: string,
  { secure, origins }: CommonHeaders,
): void {
  response.setHeader('x-request-id', id);
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('referrer-policy', 'no-referrer');
  response.setHeader('content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox");
  response.setHeader('cache-control', 'no-store');
  const origin = allowedOrigin(request.headers.origin, origins);
  if (origin !== undefined) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', exposed);
  }
  if (secure) {
    response.setHeader('strict-transport-security', 'max-age=31536000; includeSubDomains');
  }
}

function allowedOrigin(origin: string | undefined, origins: CommonHeaders['origins']): string | undefined {
  if (origins === '*') {
    return '*';
  }
  return origin !== undefined && origins.includes(origin) ? origin : undefined;
}

/** A browser's question before a request from another origin. */
export function isPreflight(request: IncomingMessage): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
}

export function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(204, {
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    'access-control-allow-headers': String(request.headers['access-control-request-headers'] ?? 'authorization').slice(
      0,
      1_000,
    ),
    'access-control-max-age': '86400',
  });
  response.end();
}
