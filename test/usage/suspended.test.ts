/** A suspended laboratory is closed: every route, with a token and without, and open again when the suspension ends. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '../../src/interactions/routes.ts';
import { operations } from '../../src/operations/catalog.ts';
import { setTenantStatus } from '../../src/store/tenants.ts';
import { sentence, type Json } from '../operations/store.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';

let lab: Laboratory;
let other: Laboratory;

/** The server remembers a laboratory for 2 s; DESIGN promises 5. */
const noticed = 2_500;

async function become(status: 'suspended' | 'active'): Promise<void> {
  await setTenantStatus(testDatabase(), lab.tenant.name, status);
  await new Promise((done) => setTimeout(done, noticed));
}

beforeAll(async () => {
  [lab, other] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  const body = JSON.stringify({ resourceType: 'Patient', id: 'a' });
  await lab.fetch('Patient/a', { method: 'PUT', headers: { 'content-type': 'application/fhir+json' }, body });
  await become('suspended');
});

/** Paths for each route and each operation. */
const paths = [
  ...Object.keys(routes).map((key) => {
    const [method = '', shape = ''] = key.split(' ');
    return [
      method,
      shape
        .replace('Type/id/Type', 'Patient/a/Observation')
        .replace('Type', 'Patient')
        .replace(/\bid\b/, 'a')
        .replace(/\bid\b/, '1')
        .replace('$op', '$meta'),
    ];
  }),
  ...Object.keys(operations).flatMap((name) => [
    ['GET', name],
    ['POST', `Patient/a/${name}`],
  ]),
  ['HEAD', 'Patient/a'],
  ['GET', '.well-known/smart-configuration'],
  ['GET', 'nothing/of/the/kind'],
] as [method: string, path: string][];

function init(method: string): RequestInit {
  const body =
    method === 'GET' || method === 'HEAD' || method === 'DELETE' || method === 'OPTIONS' ? {} : { body: '{}' };
  return { method, headers: { 'content-type': 'application/fhir+json' }, ...body };
}

describe.each([
  ['with a token', true],
  ['without one', false],
])('%s', (_, signedIn) => {
  test.each(paths)('%s %s', async (method, path) => {
    const answer = signedIn ? await lab.fetch(path, init(method)) : await fetch(`${lab.base}/${path}`, init(method));
    expect(answer.status).toBe(403);
    if (method !== 'HEAD') expect(sentence((await answer.json()) as Json)).toContain('is suspended');
  });
});

test('the table has the routes', () => {
  expect(paths.length).toBeGreaterThan(40);
});

test('another laboratory does not feel it', async () => {
  expect((await other.fetch('Patient')).status).toBe(200);
});

test('when the suspension ends, all is there', async () => {
  await become('active');
  expect((await lab.fetch('Patient/a')).status).toBe(200);
});
