/** $reindex and a laboratory's own search parameters reach contained resources. */
import { expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { sql } from '../../src/store/sql.ts';
import { found, noted, observation, parameter, send, untilSearchable, untilSettled } from '../jobs/laboratory.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';

function report(id: string, note: string): JsonObject {
  return {
    resourceType: 'DiagnosticReport',
    id,
    status: 'final',
    code: { text: 'panel' },
    contained: [observation('inside', noted(note))],
    result: [{ reference: '#inside' }],
  };
}

async function fill(laboratory: Laboratory): Promise<void> {
  await send(laboratory, 'PUT', 'DiagnosticReport/one', report('one', 'haemolysed'));
  await send(laboratory, 'PUT', 'DiagnosticReport/two', report('two', 'clear'));
  await send(laboratory, 'PUT', 'Observation/own', observation('own', noted('haemolysed')));
}

/** As it is where everything was stored before contained resources were indexed. */
async function forget({ tenant }: Laboratory): Promise<void> {
  const run = (statement: ReturnType<typeof sql>): Promise<unknown> => testDatabase().query(tenant.id, statement);
  for (const table of [sql`search_token`, sql`search_string`]) {
    await run(sql`delete from ${table} t using contained c
      where t.tenant_id = ${tenant.id} and c.tenant_id = ${tenant.id} and t.rid = c.rid`);
  }
  await run(sql`delete from contained where tenant_id = ${tenant.id}`);
}

test('what was stored before is found after $reindex, at this laboratory only', async () => {
  const [own, other] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  for (const laboratory of [own, other]) {
    await fill(laboratory);
    await forget(laboratory);
    expect(await found(laboratory, 'Observation?status=final&_contained=true')).toEqual([]);
  }
  const { headers } = await send(own, 'POST', '$reindex');
  const ended = await untilSettled(own, headers.get('content-location') ?? '');
  expect(ended.status).toBe(200);
  expect(await found(own, 'Observation?status=final&_contained=true')).toEqual(['one', 'two']);
  expect(await found(own, 'Observation?status=final')).toEqual(['own']);
  expect(await found(other, 'Observation?status=final&_contained=true')).toEqual([]);
});

test('an own search parameter finds what is contained, stored before it and after it', async () => {
  const laboratory = await makeLaboratory();
  await fill(laboratory);
  await send(laboratory, 'PUT', 'SearchParameter/remark', parameter('remark'));
  await untilSearchable(laboratory, 'Observation?remark=haemolysed');
  await send(laboratory, 'PUT', 'DiagnosticReport/three', report('three', 'haemolysed'));
  await send(laboratory, 'PUT', 'DiagnosticReport/two', report('two', 'turbid'));
  expect(await found(laboratory, 'Observation?remark=haemolysed')).toEqual(['own']);
  expect(await found(laboratory, 'Observation?remark=haemolysed&_contained=true')).toEqual(['one', 'three']);
  expect(await found(laboratory, 'Observation?remark=haemolysed&_contained=both')).toEqual(['one', 'own', 'three']);
  expect(await found(laboratory, 'Observation?remark=turbid&_contained=true&_containedType=contained')).toEqual([
    'inside',
  ]);
  expect(await found(laboratory, 'Observation?remark=clear&_contained=both')).toEqual([]);
});
