/** Limits of requests a minute: by laboratory and caller, told with 429 and Retry-After. */
import { expect, test } from '@jest/globals';
import { makeLaboratory, signIn, type Laboratory } from '../server.ts';

async function statuses(lab: Laboratory, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await lab.fetch('Patient?_count=0')).status);
  return found;
}

test('past the limit of its laboratory a caller is told when to come again', async () => {
  const lab = await makeLaboratory({ settings: { rateLimit: 5 } });
  // A minute may end among them and let more through; not so many.
  expect((await statuses(lab, 5)).every((status) => status === 200)).toBe(true);
  expect(await statuses(lab, 8)).toContain(429);
  const response = await lab.fetch('Patient?_count=0');
  if (response.status === 429) {
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'throttled' }] });
  }
});

test('another caller of the laboratory and another laboratory do not feel it', async () => {
  const lab = await makeLaboratory({ settings: { rateLimit: 5 } });
  await statuses(lab, 12);
  const other = await signIn(lab.tenant, 'system/*.cruds', 'another');
  expect(await statuses(other, 3)).toEqual([200, 200, 200]);
  expect(await statuses(await makeLaboratory(), 20)).not.toContain(429);
});
