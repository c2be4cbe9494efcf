/** entry.response.status of a history: what the write itself answered. https://hl7.org/fhir/R4/http.html#history */
import { beforeAll, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';

const json = { 'content-type': 'application/fhir+json' };

/** Each write with what it answers, oldest first. */
const writes: readonly (readonly [method: string, body: string | undefined, status: number])[] = [
  ['PUT', '{"resourceType":"Patient","id":"p","active":true}', 201],
  ['PUT', '{"resourceType":"Patient","id":"p","active":false}', 200],
  ['DELETE', undefined, 204],
  ['PUT', '{"resourceType":"Patient","id":"p","active":true}', 201],
  ['PUT', '{"resourceType":"Patient","id":"p","active":false}', 200],
];

let lab: Laboratory;
let other: Laboratory;

async function write(where: Laboratory, [method, body, status]: (typeof writes)[number]): Promise<void> {
  const answer = await where.fetch('Patient/p', { method, headers: json, ...(body !== undefined && { body }) });
  expect([method, answer.status]).toEqual([method, status]);
}

beforeAll(async () => {
  lab = await makeLaboratory();
  other = await makeLaboratory();
  for (const one of writes) await write(lab, one);
  // The same id, never deleted.
  for (const one of [writes[0], writes[1], writes[1]]) if (one) await write(other, one);
});

interface Entry {
  request: { method: string };
  response: { status: string; etag: string };
}

async function statuses(where: Laboratory, path: string): Promise<string[]> {
  const { entry } = (await (await where.fetch(path)).json()) as { entry: Entry[] };
  return entry.map(({ request, response }) => `${response.etag} ${request.method} ${response.status}`);
}

test.each(['Patient/p/_history', 'Patient/_history', '_history'])('%s', async (path) => {
  expect(await statuses(lab, path)).toEqual([
    'W/"5" PUT 200',
    'W/"4" PUT 201',
    'W/"3" DELETE 204',
    'W/"2" PUT 200',
    'W/"1" PUT 201',
  ]);
  expect(await statuses(other, path)).toEqual(['W/"3" PUT 200', 'W/"2" PUT 200', 'W/"1" PUT 201']);
});

test('a page that begins after the deletion knows of it', async () => {
  expect(await statuses(lab, 'Patient/p/_history?_count=2')).toEqual(['W/"5" PUT 200', 'W/"4" PUT 201']);
});
