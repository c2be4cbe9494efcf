/** What every response carries: the request's id, headers for browsers, compression, CORS. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { makeLaboratory, testServer, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

describe('X-Request-Id', () => {
  test('is kept, in the header and in the outcome', async () => {
    const response = await lab.fetch('Patient/none', { headers: { 'x-request-id': 'my-id-1' } });
    expect(response.headers.get('x-request-id')).toBe('my-id-1');
    expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome', id: 'my-id-1' });
  });

  test.each(['a b', 'x'.repeat(200), 'a"b', '{}'])('%.20s is not fit for a log line; one is made', async (given) => {
    const made = (await lab.fetch('metadata', { headers: { 'x-request-id': given } })).headers.get('x-request-id');
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
  });
});

test.each(['metadata', 'Patient/none', 'Patient', '../../nowhere', '../../healthz'])(
  '%s tells browsers to sniff, frame, run and keep nothing',
  async (path) => {
    const { headers } = await lab.fetch(path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('access-control-allow-origin')).toBe('*');
  },
);

test('a preflight is answered without a token', async () => {
  const response = await fetch(`${lab.base}/Patient/1`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'PATCH' },
  });
  expect(response.status).toBe(204);
  expect(response.headers.get('access-control-allow-methods')).toContain('PATCH');
});

test.each(['br', 'gzip'])('a long answer comes as %s, a short one as it is', async (encoding) => {
  const long = await lab.fetch('metadata', { headers: { 'accept-encoding': encoding } });
  expect(long.headers.get('content-encoding')).toBe(encoding);
  expect(await long.json()).toMatchObject({ resourceType: 'CapabilityStatement' });
  const short = await lab.fetch('Patient/none', { headers: { 'accept-encoding': encoding } });
  expect(short.headers.get('content-encoding')).toBeNull();
});

test.each(['healthz', 'readyz', 'metrics'])('/%s answers without a token and without a laboratory', async (page) => {
  const response = await fetch(`${testServer().url}/${page}`);
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(text).not.toContain(lab.tenant.name);
});
