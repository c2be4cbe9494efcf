/**
 * Getting a client's keys from their address.
 *
 * oidc-provider gives 2.5 s and refuses addresses within networks that are not public; the size is bounded by the
 * configuration. Redirects are not followed: they could lead anywhere. Loopback is open only for clients that were
 * registered with it, which only http on a loopback address can be: tests, and tools on the same machine.
 */
const loopback = new Set(['127.0.0.1', '[::1]', 'localhost']);
/** Seconds: after that a key that was withdrawn is noticed. */
const longestMemory = 300;

export async function fetchKeys(address: string | URL | Request, options: RequestInit = {}): Promise<Response> {
  const url = new URL(address instanceof Request ? address.url : address);
  const { dispatcher, ...plain } = options as RequestInit & { dispatcher?: unknown };
  const local = url.protocol === 'http:' && loopback.has(url.hostname);
  if (url.protocol !== 'https:' && !local) throw new TypeError('keys are fetched by https only');
  const guarded = local || dispatcher === undefined ? plain : ({ ...plain, dispatcher } as RequestInit);
  const response = await fetch(url, { ...guarded, redirect: 'error' });
  const headers = new Headers(response.headers);
  headers.delete('expires');
  const asked = Number(/max-age=(\d+)/.exec(headers.get('cache-control') ?? '')?.[1] ?? 0);
  headers.set('cache-control', `max-age=${Math.min(asked, longestMemory)}`);
  return new Response(response.body, { status: response.status, headers });
}
