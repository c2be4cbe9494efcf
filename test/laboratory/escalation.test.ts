/** Calls of critical results that nobody makes: on to the next in time, once, until it was read back or nobody is left. */
import { beforeAll, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import type { JsonObject } from '../../src/fhir/json.ts';
import { createLog } from '../../src/log.ts';
import { object, objects, text } from '../../src/laboratory/terms.ts';
import { escalateCalls, type Place } from '../../src/operations/laboratory/results/escalate.ts';
import { door } from '../../src/serve.ts';
import { shared } from '../../src/start/http.ts';
import { sessionOf } from '../../src/store/accounts.ts';
import { sql } from '../../src/store/sql.ts';
import { eventsOf } from '../audit/log.ts';
import { testDatabase, testServer, type Laboratory } from '../server.ts';
import { addPatient, done, found, laboratoryWithCatalogue, resourcesOf, send } from './laboratory.ts';

let lab: Laboratory;
let place: Place;

beforeAll(async () => {
  const settings = { criticalCallMinutes: 20, criticalCallEscalation: ['pathologist', 'Practitioner/head'] };
  lab = await laboratoryWithCatalogue({ settings });
  const config = readConfig({ DATA_DIR: testServer().dataDir });
  const server = shared(config, testDatabase(), createLog('silent'));
  place = { server, tenant: lab.tenant, session: sessionOf(testDatabase(), lab.tenant.id), base: lab.base, door };
}, 120_000);

const refer = (resource: JsonObject | undefined): string =>
  `${String(resource?.['resourceType'])}/${String(resource?.['id'])}`;

/** A critical result that waits for its call. */
async function critical(): Promise<{ result: string; task: string; until: number }> {
  const patient = await addPatient(lab, { gender: 'male', birthDate: '1970-01-01' });
  const [order] = resourcesOf(await done(lab, 'ServiceRequest/$order', { patient, test: 'potassium' }), 'order');
  const [specimen] = resourcesOf(await done(lab, 'Specimen/$accession', { order: refer(order) }), 'specimen');
  await done(lab, `${refer(specimen)}/$receive`);
  const part = [
    { name: 'analyte', valueString: 'potassium' },
    { name: 'value', valueString: '7.2' },
  ];
  const entry = { name: 'specimen', valueReference: { reference: refer(specimen) } };
  const answer = await send(lab, 'Observation/$enter-results', {
    ...{ resourceType: 'Parameters', parameter: [entry, { name: 'result', part }] },
  });
  const result = refer(resourcesOf(answer.body, 'result')[0]);
  const [task] = await found(lab, `Task?focus=${result}`);
  return { result, task: refer(task), until: Date.parse(String(object(task?.['executionPeriod'])['end'])) };
}

async function read(name: string): Promise<JsonObject> {
  return (await (await lab.fetch(name)).json()) as JsonObject;
}

const minutes = (count: number): number => count * 60_000;
const endOf = (task: JsonObject): number => Date.parse(text(object(task['executionPeriod'])['end']) ?? '');
const eventsAbout = async (task: string): Promise<number> =>
  (await eventsOf(lab)).filter(
    (event) => event.deed === 'escalate-calls' && JSON.stringify(event).includes(task.slice('Task/'.length)),
  ).length;

test('goes on to the next, once each, until all had their turn', async () => {
  const { result, task, until } = await critical();
  expect(Math.abs(until - Date.now() - minutes(20))).toBeLessThan(minutes(5));
  await escalateCalls(place, new Date(until - minutes(1)));
  expect(object((await read(task))['meta'])['versionId']).toBe('1');
  // Two processes look at the same moment.
  await Promise.all([1, 2].map(() => escalateCalls(place, new Date(until))));
  const first = await read(task);
  expect(first).toMatchObject({ status: 'requested', performerType: [{ text: 'pathologist' }] });
  expect([object(first['meta'])['versionId'], endOf(first)]).toEqual(['2', until + minutes(20)]);
  await escalateCalls(place, new Date(endOf(first)));
  const next = await read(task);
  expect([next['owner'], next['performerType'], endOf(next)]).toEqual([
    { reference: 'Practitioner/head' },
    undefined,
    until + minutes(40),
  ]);
  await escalateCalls(place, new Date(endOf(next)));
  await escalateCalls(place, new Date(endOf(next) + minutes(100)));
  const last = await read(task);
  expect([object(last['meta'])['versionId'], last['status'], objects(last['note']).length]).toEqual([
    '4',
    'requested',
    3,
  ]);
  expect(objects(object(last['businessStatus'])['coding'])[0]?.['code']).toBe('not-called');
  expect(await eventsAbout(task)).toBe(3);
  await done(lab, `${result}/$call-back`, { receiver: 'Dr Haddad', readBack: true });
  expect((await read(task))['status']).toBe('completed');
});

test('a call that was read back goes to nobody', async () => {
  const { result, task, until } = await critical();
  await done(lab, `${result}/$call-back`, { receiver: 'Dr Haddad', readBack: true });
  await escalateCalls(place, new Date(until + minutes(60)));
  expect(await read(task)).toMatchObject({ status: 'completed', meta: { versionId: '2' } });
  expect(await eventsAbout(task)).toBe(0);
});

test('nobody closes it but by the call', async () => {
  const { task } = await critical();
  const closed = await send(lab, task, { ...(await read(task)), status: 'completed' }, 'PUT');
  expect([closed.status, closed.said]).toEqual([409, expect.stringMatching(/is requested: its status .* \$call-back/)]);
  expect((await lab.fetch(task, { method: 'DELETE' })).status).toBe(409);
});

test('the job does it', async () => {
  const { task, until } = await critical();
  const { id } = lab.tenant;
  // Its time has come: the Task of another day.
  const late = { ...(await read(task)), executionPeriod: { end: new Date(until - minutes(600)).toISOString() } };
  const { body } = await send(lab, 'Task', { ...late, note: [{ text: 'of another day' }] });
  await testDatabase().operator(
    sql`update job set run_at = clock_timestamp() where tenant_id = ${id} and kind = 'escalate-calls' and state = 'queued'`,
  );
  const deadline = Date.now() + 120_000;
  let now = await read(refer(body));
  while (now['performerType'] === undefined && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    now = await read(refer(body));
  }
  expect(now).toMatchObject({ performerType: [{ text: 'pathologist' }], status: 'requested' });
  expect(await eventsAbout(refer(body))).toBe(1);
}, 120_000);
