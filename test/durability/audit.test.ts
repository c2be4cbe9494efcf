/**
 * SIGKILL in the middle of reads, searches and writes: after the restart every request that was answered has its event, and
 * every version that is there has one.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import type { Client } from '../../conformance/client.ts';
import { typeNumber } from '../../src/fhir/resource-types.ts';
import { runningEmbedded } from '../../src/store/embedded.ts';
import { serverOfFile } from './own-server.ts';
import { clientOf, killServer, startServer, stopServer } from './process.ts';

const own = serverOfFile('audit');
/** Request ids of answers that came whole, by kind of request. */
const answered = new Map<string, string>();

type Request = (n: number) => readonly [method: string, path: string, body?: object];

const patient = (id: string, n: number): object => ({ resourceType: 'Patient', id, name: [{ text: `n${n}` }] });

const requests: Readonly<Record<string, Request>> = {
  read: () => ['GET', 'Patient/one'],
  search: (n) => ['GET', `Patient?_id=one&_count=${(n % 9) + 1}`],
  missing: () => ['GET', 'Patient/none'],
  create: (n) => ['POST', 'Patient', { resourceType: 'Patient', name: [{ text: `c${n}` }] }],
  update: (n) => ['PUT', 'Patient/two', patient('two', n)],
  history: () => ['GET', 'Patient/one/_history'],
};

/** Asks again and again until no answer comes. */
async function untilCut(client: Client, kind: string, request: Request, round: string): Promise<void> {
  for (let n = 0; ; n++) {
    const id = `${round}-${kind}-${n}`;
    const [method, path, body] = request(n);
    try {
      const options = { headers: { 'x-request-id': id }, ...(body !== undefined && { body }) };
      await client.send(method, path, options);
    } catch (error) {
      // By name: under jest the errors of fetch come from another realm.
      if (['TypeError', 'TimeoutError', 'AbortError'].includes((error as Error).name)) return;
      throw error;
    }
    answered.set(id, kind);
  }
}

async function inDatabase<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client(await runningEmbedded(own.dataDir));
  await client.connect();
  try {
    // The owner of the tables sees no laboratory's rows.
    await client.query(`select set_config('makhbar.tenant', tenant_id::text, false) from tenant; set role makhbar_app`);
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

test.each([
  ['the server', false],
  ['the server and PostgreSQL', true],
])(
  'after killing %s every answer has its event, once',
  async (what, database) => {
    // An attempt that failed may have left none.
    await stopServer(own.running);
    own.running = await startServer(own.dataDir);
    const client = await clientOf(own.running);
    await client.send('PUT', 'Patient/one', { body: patient('one', 0) });
    const round = `${what.replaceAll(' ', '-')}-${randomBytes(4).toString('hex')}`;
    const asking = Object.entries(requests).flatMap(([kind, request]) => [
      untilCut(client, kind, request, `${round}-a`),
      untilCut(client, kind, request, `${round}-b`),
    ]);
    const kinds = (): Set<string | undefined> =>
      new Set([...answered].filter(([id]) => id.startsWith(`${round}-`)).map(([, kind]) => kind));
    while (kinds().size < Object.keys(requests).length) await pause(20);
    await pause(500 + Math.random() * 500);
    await killServer(own.running, database);
    await Promise.all(asking);
    own.running = await startServer(own.dataDir);
    const ids = [...answered.keys()].filter((id) => id.startsWith(`${round}-`));
    expect(new Set(ids.map((id) => answered.get(id)))).toEqual(new Set(Object.keys(requests)));
    const stored = await inDatabase<{ request: string; count: string }>(
      'select request, count(*) from audit_event where request = any($1) group by request',
      [ids],
    );
    expect(ids.filter((id) => !stored.some(({ request }) => request === id))).toEqual([]);
    expect(stored.filter(({ count }) => count !== '1')).toEqual([]);
  },
  180_000,
);

test('every version has the event of its write, and no event tells of a version that is not there', async () => {
  // The starter catalogue is loaded as a whole, with one event.
  const loaded = [
    'ActivityDefinition',
    'CodeSystem',
    'Library',
    'ObservationDefinition',
    'PlanDefinition',
    'Questionnaire',
    'SpecimenDefinition',
  ];
  const mismatched = await inDatabase(
    `select r.fhir_id, v.ver, e.id from (resource_version v join resource r using (tenant_id, rid))
      full join (select * from audit_event where entity_version is not null and kind in (1, 4) and outcome = 0) e
        on e.tenant_id = r.tenant_id and e.entity_type = r.type and e.entity_id = r.fhir_id and e.entity_version = v.ver
    where v.ver is null or (e.id is null and not r.type = any($1::int2[])) limit 5`,
    [loaded.map((type) => typeNumber(type))],
  );
  expect(mismatched).toEqual([]);
  const [{ count } = { count: '0' }] = await inDatabase<{ count: string }>(
    'select count(*) from resource_version join resource r using (tenant_id, rid) where not r.type = any($1::int2[])',
    [loaded.map((type) => typeNumber(type))],
  );
  expect(Number(count)).toBeGreaterThan(10);
});

test('starts, an orderly end and the commands of the operator are in the log', async () => {
  const told = async (): Promise<Record<string, number>> => {
    const rows = await inDatabase<{ what: string; count: number }>(`
      select concat_ws(' ', e.kind, a.content ->> 'client', e.detail ->> 'deed') as what, count(*)::int4
      from audit_event e join audit_agent a using (tenant_id, agent) where e.kind in (35, 60, 61) group by 1`);
    return Object.fromEntries(rows.map(({ what, count }) => [what, count]));
  };
  const before = await told();
  await stopServer(own.running);
  own.running = await startServer(own.dataDir);
  await clientOf(own.running);
  const once = (what: string): [string, number] => [what, (before[what] ?? 0) + 1];
  const expected = {
    ...before,
    ...Object.fromEntries(['35 makhbar makhbar token', '60 makhbar', '61 makhbar'].map(once)),
  };
  for (const end = Date.now() + 120_000; Date.now() < end && !isDeepStrictEqual(await told(), expected);)
    await pause(100);
  expect(await told()).toEqual(expected);
}, 120_000);
