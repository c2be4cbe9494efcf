/** What the entries of a Bundle read: as much as memory can hold, large Binaries as well, and no more than asked for. */
import { beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { makeAllowance } from '../../src/interactions/allowance.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

const json = { 'content-type': 'application/fhir+json' };

interface Answered {
  entry: { resource?: Record<string, unknown>; response: { status: string; outcome?: unknown } }[];
}

async function send(type: string, entry: object[], headers: Record<string, string> = {}) {
  const body = JSON.stringify({ resourceType: 'Bundle', type, entry });
  const response = await lab.fetch('', { method: 'POST', body, headers: { ...json, ...headers } });
  return { status: response.status, bundle: (await response.json()) as Answered };
}

const statement = { request: { method: 'GET', url: 'metadata' } };

test('a batch that reads more than memory should hold is told so, entry by entry', async () => {
  const { status, bundle } = await send(
    'batch',
    Array.from({ length: 400 }, () => statement),
  );
  expect(status).toBe(200);
  const statuses = bundle.entry.map(({ response }) => response.status);
  expect(statuses[0]).toBe('200 OK');
  expect(new Set(statuses.slice(-200))).toEqual(new Set(['413']));
  expect(bundle.entry.at(-1)?.response.outcome).toMatchObject({ issue: [{ code: 'too-costly' }] });
});

test('a transaction that does is refused as a whole', async () => {
  const create = {
    resource: { resourceType: 'Group', type: 'person', actual: true },
    request: { method: 'POST', url: 'Group' },
  };
  const { status } = await send('transaction', [create, ...Array.from({ length: 400 }, () => statement)]);
  expect(status).toBe(413);
  const { total } = (await (await lab.fetch('Group?_summary=count')).json()) as { total: number };
  expect(total).toBe(0);
});

test('what was asked for is not even made once the allowance is spent', async () => {
  const allowance = makeAllowance(10);
  let made = 0;
  const serve = () => {
    made++;
    return Promise.resolve({ status: 200, text: 'seven..' });
  };
  await allowance.read(serve);
  await expect(allowance.read(serve)).rejects.toThrow(/may have 10 characters/);
  await expect(allowance.read(serve)).rejects.toThrow(/may have 10 characters/);
  expect(made).toBe(2);
});

test.each(['batch', 'transaction'])('a Binary too large for memory elsewhere comes whole in a %s', async (type) => {
  const content = randomBytes(1_500_000);
  const made = await lab.fetch('Binary', { method: 'POST', body: content, headers: { 'content-type': 'image/tiff' } });
  const { id } = (await made.json()) as { id: string };
  const { bundle } = await send(type, [{ request: { method: 'GET', url: `Binary/${id}` } }]);
  expect(bundle.entry[0]?.resource).toMatchObject({ resourceType: 'Binary', id, contentType: 'image/tiff' });
  expect(Buffer.from(String(bundle.entry[0]?.resource?.['data']), 'base64').equals(content)).toBe(true);
});

test.each(['batch', 'transaction'])(
  'a Prefer that does not speak of the return leaves a %s without resources',
  async (type) => {
    const entry = { resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } };
    const { bundle } = await send(type, [entry], { prefer: 'handling=lenient' });
    expect(bundle.entry[0]?.response.status).toBe('201 Created');
    expect(bundle.entry[0]?.resource).toBeUndefined();
    const asked = await send(type, [entry], { prefer: 'handling=lenient, return=representation' });
    expect(asked.bundle.entry[0]?.resource).toBeDefined();
  },
);
