/** A page of a search ends where it would become too large for memory, and the next one goes on from there. */
import { beforeAll, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';

interface Page {
  entry?: { resource: { id: string } }[];
  link: { relation: string; url: string }[];
}

const ids = ['a', 'b', 'c', 'd'];
let lab: Laboratory;

beforeAll(async () => {
  lab = await makeLaboratory();
  const extension = Array.from({ length: 14 }, (_, i) => ({ url: `urn:x:${i}`, valueString: 'x'.repeat(900_000) }));
  const headers = { 'content-type': 'application/fhir+json', prefer: 'return=minimal' };
  for (const id of ids) {
    const body = JSON.stringify({ resourceType: 'Basic', id, code: { coding: [{ code: 'large' }] }, extension });
    expect((await lab.fetch(`Basic/${id}`, { method: 'PUT', body, headers })).status).toBe(201);
  }
});

test.each([
  'Basic?_count=1000',
  'Basic?_count=1000&code=large',
  'Basic?_count=1000&_sort=_id',
  'Basic?_count=1000&code=large&_sort=-_lastUpdated',
])('%s comes in several pages, each resource once, forwards and backwards', async (query) => {
  const forwards = await walk(query, 'next');
  expect(forwards.ids.sort()).toEqual(ids);
  expect(forwards.pages).toBe(2);
  const backwards = await walk(forwards.last, 'previous');
  expect(backwards.ids.sort()).toEqual(ids);
});

async function walk(start: string, relation: string): Promise<{ ids: string[]; pages: number; last: string }> {
  const found: string[] = [];
  let pages = 0;
  let last = start;
  for (let next: string | undefined = start; next !== undefined; pages++) {
    const page = (await (await lab.fetch(next)).json()) as Page;
    // Where a full page ends exactly where all ends, the one after it is empty.
    found.push(...(page.entry ?? []).map(({ resource }) => resource.id));
    last = next;
    const url = page.link.find((link) => link.relation === relation)?.url;
    next = url?.slice(lab.base.length + 1);
  }
  return { ids: found, pages, last };
}

test('a conditional delete sees all that matches, whatever its size', async () => {
  const other = await makeLaboratory({ settings: { multipleDelete: true } });
  const extension = Array.from({ length: 14 }, (_, i) => ({ url: `urn:x:${i}`, valueString: 'x'.repeat(900_000) }));
  const headers = { 'content-type': 'application/fhir+json', prefer: 'return=minimal' };
  for (const id of ids) {
    const body = JSON.stringify({ resourceType: 'Basic', id, code: { coding: [{ code: 'large' }] }, extension });
    await other.fetch(`Basic/${id}`, { method: 'PUT', body, headers });
  }
  expect((await other.fetch('Basic?code=large', { method: 'DELETE' })).status).toBe(204);
  expect(await (await other.fetch('Basic?_summary=count')).json()).toMatchObject({ total: 0 });
});
