/** What a client learns before it signs in: smart-configuration, the CapabilityStatement's security, the brands. */
import { beforeAll, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';

let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory({
    settings: { website: 'https://lab.example.org', logo: 'https://lab.example.org/logo.svg' },
  });
});

test.each([undefined, 'text/html', 'application/fhir+xml'])(
  'smart-configuration is JSON for Accept: %s',
  async (accept) => {
    const headers = { origin: 'https://app.example.org', ...(accept !== undefined && { accept }) };
    const answer = await fetch(`${lab.base}/.well-known/smart-configuration`, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    const told = (await answer.json()) as Record<string, unknown>;
    expect(told).toMatchObject({ issuer: lab.base.replace(/\/fhir$/, ''), code_challenge_methods_supported: ['S256'] });
    expect(told).not.toHaveProperty('registration_endpoint');
  },
);

test('metadata tells the same addresses', async () => {
  const smart = (await (await fetch(`${lab.base}/.well-known/smart-configuration`)).json()) as Record<string, string>;
  const statement = (await (await fetch(`${lab.base}/metadata`)).json()) as {
    rest: { security: { service: object[]; extension: { extension: { url: string; valueUri: string }[] }[] } }[];
  };
  const { service, extension } = statement.rest[0]!.security;
  expect(JSON.stringify(service)).toContain('SMART-on-FHIR');
  const uris = Object.fromEntries(extension[0]!.extension.map(({ url, valueUri }) => [url, valueUri]));
  expect(uris).toEqual({
    authorize: smart['authorization_endpoint'],
    token: smart['token_endpoint'],
    introspect: smart['introspection_endpoint'],
    revoke: smart['revocation_endpoint'],
    manage: smart['management_endpoint'],
  });
});

test('the brands bundle names the laboratory, its logo and its endpoint, and can be kept', async () => {
  const smart = (await (await fetch(`${lab.base}/.well-known/smart-configuration`)).json()) as Record<string, string>;
  const answer = await fetch(smart['user_access_brand_bundle'] ?? '');
  expect(answer.headers.get('content-type')).toMatch(/^application\/fhir\+json/);
  const bundle = (await answer.json()) as { entry: { resource: Record<string, unknown> }[] };
  const [organization, endpoint] = bundle.entry.map(({ resource }) => resource);
  expect(organization).toMatchObject({ identifier: [smart['user_access_brand_identifier']] });
  expect(JSON.stringify(organization)).toContain('https://lab.example.org/logo.svg');
  expect(endpoint).toMatchObject({ address: lab.base, status: 'active' });
  const headers = { 'content-type': 'application/fhir+json' };
  const judged = await lab.fetch('Bundle/$validate', { method: 'POST', headers, body: JSON.stringify(bundle) });
  const { issue } = (await judged.json()) as { issue: { severity: string; diagnostics: string }[] };
  expect(issue.filter(({ severity }) => severity === 'error' || severity === 'fatal')).toEqual([]);
  const again = await fetch(smart['user_access_brand_bundle'] ?? '', {
    headers: { 'if-none-match': answer.headers.get('etag') ?? '' },
  });
  expect(again.status).toBe(304);
});
