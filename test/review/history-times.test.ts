/** The ends of what a date can say in the history's parameters. https://hl7.org/fhir/R4/http.html#history */
import { beforeAll, expect, test } from '@jest/globals';
import { makeLaboratory, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
  const body = '{"resourceType":"Patient","id":"p"}';
  await lab.fetch('Patient/p', { method: 'PUT', body, headers: { 'content-type': 'application/fhir+json' } });
});

test.each([
  ['_at=9999', 1],
  ['_at=9999-12-31', 1],
  ['_at=9999-12-31T23:59:59.999Z', 1],
  ['_at=9999-12-31T23:59:59-14:00', 1],
  ['_at=0001', 0],
  ['_at=0001-01-01T00:00:00%2B14:00', 0],
  ['_since=9999-12-31T23:59:59-14:00', 0],
  ['_since=0001-01-01T00:00:00%2B14:00', 1],
])('%s finds %i version', async (query, found) => {
  for (const path of ['_history', 'Patient/_history', 'Patient/p/_history']) {
    const response = await lab.fetch(`${path}?${query}`);
    expect(`${path} ${response.status}`).toBe(`${path} 200`);
    const { entry = [] } = (await response.json()) as { entry?: unknown[] };
    expect(entry).toHaveLength(found);
  }
});
