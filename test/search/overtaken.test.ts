/** Index rows of a resource that several writers change at once: those of the last version and no others. */
import { expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { typeNumber } from '../../src/fhir/resource-types.ts';
import { extract } from '../../src/search/extract.ts';
import { defaultParameters } from '../../src/search/parameters.ts';
import { sql } from '../../src/store/sql.ts';
import { writeIndex } from '../../src/store/reindex.ts';
import { writeStatement, type WriteEntry } from '../../src/store/write.ts';
import type { Session } from '../../src/store/pool.ts';
import { makeLaboratory, testDatabase } from '../server.ts';
import { find, session as sessionOf } from './fixture.ts';

function patient(family: string, method: 'PUT' | 'DELETE' = 'PUT'): WriteEntry {
  const resource = {
    resourceType: 'Patient',
    id: 'p',
    meta: {},
    name: [{ family }],
    contained: [{ resourceType: 'Organization', id: 'o', name: family }],
  } as unknown as JsonObject;
  const deleted = method === 'DELETE';
  return {
    type: typeNumber('Patient') ?? -1,
    id: 'p',
    method,
    expect: 'any',
    content: deleted ? null : JSON.stringify(resource),
    exact: null,
    index: deleted ? null : extract(resource, defaultParameters),
  };
}

/** What holds the row while the last writer waits for it. */
const before: Record<string, (session: Session) => Promise<unknown>> = {
  'another writer': (session) => session.query(writeStatement(session.tenant, [patient('second')])),
  'one that deletes': (session) => session.query(writeStatement(session.tenant, [patient('', 'DELETE')])),
  'a reindex': async (session) => {
    const [row] = await session.query<{ rid: string; ver: number }>(
      sql`select rid, ver from resource where tenant_id = ${session.tenant} and fhir_id = 'p'`,
    );
    const resource = { rid: row?.rid ?? '', ver: row?.ver ?? 0, text: '' };
    const index = patient('second').index;
    expect(index && (await writeIndex(session, [{ resource, index }])).size).toBe(1);
  },
};

/** What waits, and the only name that finds the patient afterwards. */
const after: readonly (readonly [what: string, entry: WriteEntry, name: string | undefined])[] = [
  ['an update', patient('third'), 'third'],
  ['a deletion', patient('', 'DELETE'), undefined],
];

test.each(Object.keys(before).flatMap((first) => after.map(([what, entry, name]) => ({ first, what, entry, name }))))(
  '$what that waited for $first leaves none of its rows',
  async ({ first, entry, name }) => {
    const tenant = (await makeLaboratory()).tenant.id;
    const database = testDatabase();
    await database.query(tenant, writeStatement(tenant, [patient('first')]));
    let waiting: Promise<unknown> | undefined;
    await database.transaction(tenant, async (session) => {
      await before[first]?.(session);
      waiting = database.query(tenant, writeStatement(tenant, [entry]));
      await session.query(sql`select pg_sleep(0.3)`);
    });
    await waiting;
    for (const family of ['first', 'second', 'third']) {
      const wanted = family === name ? ['p'] : [];
      expect([family, await find(tenant, `Patient?family=${family}`)]).toEqual([family, wanted]);
      expect([family, await find(tenant, `Organization?name=${family}&_contained=true`)]).toEqual([family, wanted]);
    }
    const left = await sessionOf(tenant).query<{ rows: string }>(
      sql`select count(*) as rows from search_string where tenant_id = ${tenant}`,
    );
    // The names of the patient and of what it contains, each under its parameters.
    const index = name === undefined ? undefined : patient(name).index;
    const rows = [index, ...(index?.contained ?? [])].reduce(
      (sum, one) => sum + (one?.tables['search_string']?.length ?? 0),
      0,
    );
    expect(Number(left[0]?.rows)).toBe(rows);
  },
);
