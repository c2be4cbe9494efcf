/** Searches by section of the specification, in two tenants that hold the same ids. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { cases, resources } from './cases.ts';
import { all, type Access } from '../../src/search/ast.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
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

describe('value sets of the tenant', () => {
  test('one that nobody holds is refused', async () => {
    await expect(find(tenant, 'Observation?code:in=http://lab/ValueSet/unknown')).rejects.toThrow(/does not hold it/);
  });

  test('one that the caller may not see is not held', async () => {
    const access: Access = (type) => (type === 'ValueSet' ? undefined : all);
    await expect(find(tenant, 'Observation?code:in=http://lab/ValueSet/own', { access })).rejects.toThrow(
      /does not hold it/,
    );
  });

  test('another tenant does not see it', async () => {
    const other = (await makeLaboratory()).tenant.id;
    await expect(find(other, 'Observation?code:in=http://lab/ValueSet/own')).rejects.toThrow(/does not hold it/);
  });
});

describe('what a tenant sets', () => {
  const parameters = { ...defaultParameters, zone: 'Asia/Riyadh', bases: ['https://lab.example/t/fhir'] };
  const search = async (query: string): Promise<string[]> => (await find(own, query, { parameters })).sort();
  let own = 0;

  beforeAll(async () => {
    own = (await makeLaboratory()).tenant.id;
    const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
    await store(
      own,
      [
        { ...observation, id: 'night', effectiveDateTime: '2024-02-02T22:30:00Z', subject: { reference: 'Patient/1' } },
        {
          ...observation,
          id: 'day',
          effectiveDateTime: '2024-02-03',
          subject: { reference: 'https://lab.example/t/fhir/Patient/1' },
        },
        {
          ...observation,
          id: 'other',
          effectiveDateTime: '2024-02-03T21:30:00Z',
          subject: { reference: 'https://else.example/fhir/Patient/1' },
        },
      ],
      parameters,
    );
  });

  test('dates without a zone are read in the zone of the tenant', async () => {
    expect(await search('Observation?date=2024-02-03')).toEqual(['day', 'night']);
    expect(await search('Observation?date=2024-02-04')).toEqual(['other']);
    expect(await search('Observation?date=2024-02-03T01:30')).toEqual(['night']);
  });

  test('a reference below our own base is local, another is not', async () => {
    expect(await search('Observation?subject=Patient/1')).toEqual(['day', 'night']);
    expect(await search('Observation?subject=https://lab.example/t/fhir/Patient/1')).toEqual(['day', 'night']);
    expect(await search('Observation?subject=https://else.example/fhir/Patient/1')).toEqual(['other']);
  });
});
