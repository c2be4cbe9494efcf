/** Searches by section of the specification, in two tenants that hold the same ids. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { cases, resources } from './cases.ts';
import { makeLaboratory } from '../server.ts';
import { find, store } from './fixture.ts';

let tenant = 0;

beforeAll(async () => {
  const [other, mine] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  tenant = mine.tenant.id;
  await store(other.tenant.id, [...resources].reverse());
  await store(tenant, resources);
});

describe.each(Object.entries(cases))('%s', (_section, list) => {
  test.each(list)('$query', async ({ query, ids }) => {
    expect((await find(tenant, query)).sort()).toEqual([...ids].sort());
  });
});
