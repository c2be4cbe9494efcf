/**
 * $reindex and the reindex that a SearchParameter starts: complete whatever is written meanwhile.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { typeNumber } from '../../src/fhir/resource-types.ts';
import { extract } from '../../src/search/extract.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
import { sql } from '../../src/store/sql.ts';
import { writeStatement, type WriteEntry } from '../../src/store/write.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { makeLaboratory, signIn, testDatabase, type Laboratory } from '../server.ts';
import {
  ask,
  found,
  noted,
  observation,
  parameter,
  send,
  untilSearchable,
  untilSettled,
  type Answered,
} from '../jobs/laboratory.ts';

async function started(laboratory: Laboratory, path = '$reindex'): Promise<string> {
  const answer = await send(laboratory, 'POST', path);
  expect([answer.status, answer.said]).toEqual([202, expect.stringContaining('Content-Location')]);
  return answer.headers.get('content-location') ?? '';
}

function valuesOf({ json }: Answered): Record<string, unknown> {
  const parts = (json['parameter'] ?? []) as JsonObject[];
  return Object.fromEntries(
    parts.map((part) => [part['name'], Object.entries(part).find(([key]) => key !== 'name')?.[1]]),
  );
}

/** As an index looks that an older version made, or none. */
async function loseIndex({ tenant }: Laboratory): Promise<void> {
  const all = sql`delete from search_token where tenant_id = ${tenant.id}`;
  await testDatabase().query(tenant.id, all);
  await testDatabase().query(
    tenant.id,
    sql`
    update resource set status = null, date_low = 0 where tenant_id = ${tenant.id}`,
  );
}

test('the whole index is made anew, at this laboratory only', async () => {
  const [own, other] = await Promise.all([makeLaboratory(), makeLaboratory()]);
  for (const laboratory of [own, other]) {
    for (const id of ['a', 'b']) await send(laboratory, 'PUT', `Observation/${id}`, observation(id));
    await send(laboratory, 'PUT', 'Observation/gone', observation('gone'));
    await send(laboratory, 'DELETE', 'Observation/gone');
    await send(laboratory, 'PUT', 'Patient/p', { resourceType: 'Patient', id: 'p', active: true });
    await loseIndex(laboratory);
    expect(await found(laboratory, 'Observation?status=final')).toEqual([]);
  }
  const location = await started(own);
  expect(location.startsWith(`${own.base}/$reindex-status?job=`)).toBe(true);
  const ended = await untilSettled(own, location);
  expect([ended.status, valuesOf(ended)]).toEqual([200, expect.objectContaining({ state: 'done', done: 3, total: 3 })]);
  expect(await found(own, 'Observation?status=final')).toEqual(['a', 'b']);
  expect(await found(own, 'Patient?active=true')).toEqual(['p']);
  expect(await found(other, 'Observation?status=final')).toEqual([]);
  // No version was made by it.
  expect((await ask(own, 'Observation/a')).json['meta']).toMatchObject({ versionId: '1' });
});

test('only resources of the types asked for', async () => {
  const laboratory = await makeLaboratory();
  await send(laboratory, 'PUT', 'Observation/a', observation('a'));
  await send(laboratory, 'PUT', 'Patient/p', { resourceType: 'Patient', id: 'p', active: true });
  await loseIndex(laboratory);
  await untilSettled(laboratory, await started(laboratory, '$reindex?type=Patient'));
  expect(await found(laboratory, 'Patient?active=true')).toEqual(['p']);
  expect(await found(laboratory, 'Observation?status=final')).toEqual([]);
});

describe('refused', () => {
  test.each([
    ['POST', '$reindex?type=Nothing', 400, /Nothing/],
    ['POST', '$reindex?url=http://example.org/none', 404, /no active SearchParameter/],
    ['POST', '$reindex?url=http://example.org/none&type=Patient', 400, /not both/],
    ['POST', '$reindex?what=1', 400, /what/],
    ['GET', '$reindex', 405, /POST/],
    ['POST', 'Patient/$reindex', 404, /no operation/],
    ['GET', '$reindex-status', 404, /no reindex job/],
    ['GET', "$reindex-status?job=';--", 404, /no reindex job/],
  ])('%s %s is %d', async (method, path, status, sentence) => {
    const answer = await send(await makeLaboratory(), method, path);
    expect([answer.status, answer.said]).toEqual([status, expect.stringMatching(sentence)]);
  });

  test('without the scope for it', async () => {
    const { tenant } = await makeLaboratory();
    for (const scopes of ['system/*.rs', 'system/Observation.cruds']) {
      expect((await send(await signIn(tenant, scopes), 'POST', '$reindex')).status).toBe(403);
    }
  });

  test('at another laboratory its status is unknown', async () => {
    const [own, other] = await Promise.all([makeLaboratory(), makeLaboratory()]);
    const location = await started(own);
    const answer = await ask(other, location.slice(own.base.length + 1));
    expect(answer.status).toBe(404);
  });
});

test('a resource that cannot be indexed fails the job with a sentence, and the parameter never answers', async () => {
  const laboratory = await makeLaboratory();
  await send(laboratory, 'PUT', 'Observation/costly', observation('costly', noted(`${'a'.repeat(60)}!`)));
  const expression = "Observation.note.text.where(matches('^(a+)+$'))";
  expect((await send(laboratory, 'PUT', 'SearchParameter/product', parameter('product', { expression }))).status).toBe(
    201,
  );
  const answer = await until(
    () => ask(laboratory, 'Observation?product=1'),
    ({ said }) => /failed/.test(said),
  );
  expect(answer.said).toMatch(/cannot answer yet: making its index failed: Observation\/costly cannot be indexed: ./);
  expect(await found(laboratory, 'Observation?status=final')).toEqual(['costly']);
  const written = await send(
    laboratory,
    'PUT',
    'Observation/costly',
    observation('costly', noted(`${'a'.repeat(60)}!`)),
  );
  expect([written.status, written.said]).toEqual([422, expect.stringMatching(/search parameter of this laboratory/)]);
});

async function until<T>(attempt: () => Promise<T>, holds: (result: T) => boolean): Promise<T> {
  for (const end = Date.now() + 120_000; ; await pause(200)) {
    const result = await attempt();
    if (holds(result) || Date.now() > end) return result;
  }
}

test('what is written while the index is made is found by it', async () => {
  const laboratory = await makeLaboratory();
  const total = 900;
  await load(laboratory, total);
  expect((await send(laboratory, 'PUT', 'SearchParameter/remark', parameter('remark'))).status).toBe(201);
  let writing = true;
  const expected = new Map(Array.from({ length: total }, (_, i) => [`o-${i}`, 'old']));
  const writer = async (n: number): Promise<void> => {
    for (let i = 0; writing; i++) {
      const id = i % 3 === 0 ? `new-${n}-${i}` : `o-${((i * 7 + n * 225) % 225) + n * 225}`;
      const answer =
        i % 10 === 9
          ? await send(laboratory, 'DELETE', `Observation/${id}`)
          : await send(laboratory, 'PUT', `Observation/${id}`, observation(id, noted('changed')));
      expect(answer.status).toBeLessThan(300);
      if (i % 10 === 9) expected.delete(id);
      else expected.set(id, 'changed');
    }
  };
  const writers = [0, 1, 2, 3].map(writer);
  await untilSearchable(laboratory, 'Observation?remark=old', 50);
  writing = false;
  await Promise.all(writers);
  for (const text of ['old', 'changed']) {
    const wanted = [...expected].flatMap(([id, value]) => (value === text ? [id] : [])).sort();
    const { json } = await ask(laboratory, `Observation?remark=${text}&_summary=count`);
    expect([text, json['total']]).toEqual([text, wanted.length]);
  }
});

async function load(laboratory: Laboratory, total: number): Promise<void> {
  const entry = Array.from({ length: total }, (_, i) => ({
    resource: observation(`o-${i}`, noted('old')),
    request: { method: 'PUT', url: `Observation/o-${i}` },
  }));
  expect((await send(laboratory, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })).status).toBe(200);
}

/** What a process writes that has not heard of the laboratory's parameters. */
function lateEntry(id: string): WriteEntry {
  const resource = observation(id, noted('late'));
  const content = JSON.stringify({ ...resource, meta: {} });
  const type = typeNumber('Observation') ?? -1;
  return {
    type,
    id,
    method: 'PUT',
    expect: 'any',
    content,
    exact: null,
    index: extract(resource, defaultParameters),
    revision: 0,
  };
}

test('a process that has not heard of a parameter is waited for, done again, and refused in the end', async () => {
  const laboratory = await makeLaboratory();
  const { id: tenant } = laboratory.tenant;
  const database = testDatabase();
  await send(laboratory, 'PUT', 'Observation/old', observation('old', noted('late')));
  const slow = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const transaction = database.transaction(tenant, async (session) => {
    await session.query(writeStatement(tenant, [lateEntry('slow')]));
    begun.resolve();
    await slow.promise;
  });
  await begun.promise;
  await send(laboratory, 'PUT', 'SearchParameter/remark', parameter('remark'));
  await database.query(tenant, writeStatement(tenant, [lateEntry('late')]));
  // Longer than the job would need if it did not wait for the slow one.
  await pause(7_000);
  expect((await ask(laboratory, 'Observation?remark=late')).status).toBe(400);
  slow.resolve();
  await transaction;
  await untilSearchable(laboratory, 'Observation?remark=late');
  expect(await found(laboratory, 'Observation?remark=late')).toEqual(['late', 'old', 'slow']);
  await expect(database.query(tenant, writeStatement(tenant, [lateEntry('too-late')]))).rejects.toThrow(/try again/);
  // One snapshot for all its statements does not hide the change.
  const [row] = await database.transaction(
    tenant,
    async (session) => {
      await session.query(sql`select 1 as one`);
      return session.query<{ revision: number }>(sql`select indexing_revision(${tenant}, 1) as revision`);
    },
    'snapshot',
  );
  expect(row?.revision).toBe(1);
});

test('a transaction with one snapshot for all statements does not miss a parameter that came meanwhile', async () => {
  const laboratory = await makeLaboratory();
  const { id: tenant } = laboratory.tenant;
  let tries = 0;
  await testDatabase().transaction(
    tenant,
    async (session) => {
      await session.query(sql`select count(*) from resource where tenant_id = ${tenant}`);
      if (tries++ === 0) await send(laboratory, 'PUT', 'SearchParameter/remark', parameter('remark'));
      await session.query(writeStatement(tenant, [lateEntry('snapshot')]));
    },
    'snapshot',
  );
  expect(tries).toBe(2);
  const marks = await testDatabase().query(
    tenant,
    sql`
    select from search_stale s join resource r using (tenant_id, rid)
    where s.tenant_id = ${tenant} and r.fhir_id = 'snapshot'`,
  );
  expect(marks).toHaveLength(1);
  await untilSearchable(laboratory, 'Observation?remark=late');
  expect(await found(laboratory, 'Observation?remark=late')).toEqual(['snapshot']);
});
