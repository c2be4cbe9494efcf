/** What a person was given of his data is deleted when its time has come, its content too. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { requestJob } from '../../src/store/jobs.ts';
import type { Session } from '../../src/store/pool.ts';
import { sql } from '../../src/store/sql.ts';
import { eventsOf } from '../audit/log.ts';
import { database, officer, put, type Json } from '../erasure/laboratory.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';
import { accepted, answered, step } from './asking.ts';

async function files({ tenant }: Laboratory): Promise<number> {
  const names = await readdir(join(testServer().dataDir, 'files'), { recursive: true, withFileTypes: true });
  return names.filter((one) => one.isFile() && join(one.parentPath, one.name).includes(`/${tenant.id}/`)).length;
}

/** At most 30 seconds. */
async function until(met: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 150 && !(await met()); tries++) await pause(200);
  expect(await met()).toBe(true);
}

function given(task: Json): string[] {
  return (task['output'] as { valueReference?: { reference: string } }[])
    .map(({ valueReference }) => valueReference?.reference ?? '')
    .filter((reference) => reference.startsWith('Binary/'));
}

test('it goes, another stays, one that an erasure took does no harm', async () => {
  const lab = await makeLaboratory();
  const dpo = await officer(lab.tenant, 0, 'user/*.rs manage/privacy');
  for (const id of ['p', 'q', 'gone']) await put(lab, { resourceType: 'Patient', id });
  const carried = async (patient: string): Promise<string[]> =>
    given(await step(dpo, await accepted(dpo, { type: 'portability', patient }), 'carry-out'));
  const old = await carried('Patient/p');
  const lost = await carried('Patient/gone');
  const fresh = await carried('Patient/q');
  expect([old.length, lost.length, fresh.length]).toEqual([2, 2, 2]);
  await step(dpo, await accepted(dpo, { type: 'erasure', patient: 'Patient/gone' }), 'carry-out');
  await until(async () => (await files(lab)) === 4);

  const expired = [...old, ...lost].map((reference) => reference.slice('Binary/'.length));
  await (
    await database()
  ).query(`update evidence set expires = now() - interval '1 minute' where tenant_id = $1 and binary_id = any($2)`, [
    lab.tenant.id,
    expired,
  ]);
  const { id } = lab.tenant;
  const session: Session = { tenant: id, query: (statement) => testDatabase().query(id, statement) };
  await requestJob(session, 'expire-evidence');
  await until(async () => (await files(lab)) === 2);
  for (const reference of old) expect((await answered(dpo, reference, 'GET'))[0]).not.toBe(200);
  for (const reference of old) expect((await answered(lab, reference, 'GET'))[0]).toBe(410);
  for (const reference of fresh) expect((await answered(dpo, reference, 'GET'))[0]).toBe(200);
  const left = await testDatabase().query<{ binary_id: string }>(
    id,
    sql`select binary_id from evidence where tenant_id = ${id}`,
  );
  expect(left.map((row) => `Binary/${row.binary_id}`).sort()).toEqual([...fresh].sort());
  const runs = (await eventsOf(lab)).filter(({ deed }) => deed === 'expire-evidence');
  expect(runs).toHaveLength(1);
  expect(runs[0]).toMatchObject({ kind: 'retention-run', agent: { subject: 'makhbar' }, further: expect.any(Array) });
}, 60_000);
