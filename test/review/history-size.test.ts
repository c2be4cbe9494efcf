/** A page of a history ends where it would become too large for memory, and the next one goes on from there. */
import { expect, test } from '@jest/globals';
import { makeLaboratory } from '../server.ts';

interface Page {
  entry: { response: { etag: string } }[];
  link: { relation: string; url: string }[];
}

test('large versions come in several pages, each once, however many are asked for', async () => {
  const lab = await makeLaboratory();
  const text = 'x'.repeat(900_000);
  const extension = Array.from({ length: 14 }, (_, i) => ({ url: `urn:x:${i}`, valueString: text }));
  for (let version = 1; version <= 4; version++) {
    const body = JSON.stringify({ resourceType: 'Basic', id: 'b', code: { text: 'x' }, extension });
    const headers = { 'content-type': 'application/fhir+json', prefer: 'return=minimal' };
    expect((await lab.fetch('Basic/b', { method: 'PUT', body, headers })).ok).toBe(true);
  }
  const found: string[] = [];
  let pages = 0;
  for (let url: string | undefined = `${lab.base}/Basic/b/_history?_count=1000`; url !== undefined;) {
    const page = (await (await lab.fetch(url.slice(lab.base.length + 1))).json()) as Page;
    found.push(...page.entry.map(({ response }) => response.etag));
    pages++;
    url = page.link.find(({ relation }) => relation === 'next')?.url;
  }
  expect(found).toEqual(['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']);
  expect(pages).toBe(2);
});
