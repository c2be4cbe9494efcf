/** The statement, which anybody may ask for again and again, is made once, and made anew when what it says changes. */
import { beforeAll, expect, test } from '@jest/globals';
import { changeTenantSettings } from '../../src/store/tenants.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await makeLaboratory();
});

interface Statement {
  implementation: { url: string };
  rest: { resource: { type: string; conditionalDelete: string }[] }[];
}

async function statement(query = ''): Promise<Statement> {
  const response = await lab.fetch(`metadata${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Statement;
}

test('each address, mode and part has its own', async () => {
  const other = await makeLaboratory();
  expect((await statement()).implementation.url).toBe(lab.base);
  expect(((await (await other.fetch('metadata')).json()) as Statement).implementation.url).toBe(other.base);
  expect(await statement('?mode=terminology')).toMatchObject({ resourceType: 'TerminologyCapabilities' });
  expect((await statement('?_elements=implementation')).rest).toBeUndefined();
  expect((await statement()).rest).toHaveLength(1);
});

test('a setting that changes shows within seconds, with another ETag', async () => {
  const deleting = async () => (await statement()).rest[0]?.resource[0]?.conditionalDelete;
  const before = (await lab.fetch('metadata')).headers.get('etag');
  expect(await deleting()).toBe('single');
  await changeTenantSettings(testDatabase(), lab.tenant.name, { multipleDelete: true });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await deleting()).toBe('multiple');
  expect((await lab.fetch('metadata')).headers.get('etag')).not.toBe(before);
});
