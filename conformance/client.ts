/**
 * One HTTP exchange with the server under test, over Node's fetch and nothing else: the suite must not share code with
 * the server it judges. Redirects are not followed and a request that hangs is a failure after `timeout`.
 */

/** What came back; `json` is undefined where the body is not JSON. Bodies are whatever the server sent, hence `any`. */
export interface Answer {
  method: string;
  url: string;
  status: number;
  headers: Headers;
  bytes: Uint8Array;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any
  json: any;
}

/** What is sent besides method and path; a body that is neither text nor bytes goes as FHIR JSON. */
export interface Ask {
  headers?: Record<string, string>;
  body?: unknown;
  /** Send no Authorization header. */
  anonymous?: boolean;
}

export interface Client {
  base: string;
  token: string | undefined;
  send(method: string, path: string, ask?: Ask): Promise<Answer>;
}

export const fhirJson = 'application/fhir+json';

export function connect(base: string, token: string | undefined, timeout = 30_000): Client {
  const root = base.replace(/\/+$/, '');
  const send = async (method: string, path: string, ask: Ask = {}): Promise<Answer> => {
    const url = addressOf(root, path);
    const init: RequestInit = {
      method,
      headers: headersOf(ask, token),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeout),
    };
    if (ask.body !== undefined) {
      init.body = bodyOf(ask.body);
    }
    return answerOf(method, url, await fetch(url, init));
  };
  return { base: root, token, send };
}

function addressOf(root: string, path: string): string {
  if (/^https?:\/\//.test(path)) {
    return path;
  }
  return path === '' || path.startsWith('?') ? root + path : `${root}/${path.replace(/^\//, '')}`;
}

function headersOf(ask: Ask, token: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { accept: fhirJson };
  if (ask.body !== undefined) {
    headers['content-type'] = `${fhirJson}; charset=utf-8`;
  }
  if (token !== undefined && ask.anonymous !== true) {
    headers['authorization'] = `Bearer ${token}`;
  }
  for (const [name, value] of Object.entries(ask.headers ?? {})) {
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) {
    return new Uint8Array(body);
  }
  return typeof body === 'string' ? body : JSON.stringify(body);
}

async function answerOf(method: string, url: string, response: Response): Promise<Answer> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  return { method, url, status: response.status, headers: response.headers, bytes, text, json: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
