/** The rule of clinical data: patients of whom nothing happened for its period are erased, one by one, and nobody else. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { keptFigures } from '../../src/audit/security.ts';
import { eventsOf } from '../audit/log.ts';
import { database, parameters, put, send, type Json } from '../erasure/laboratory.ts';
import { announced, applied, laboratory, runOf, type Kept } from './laboratory.ts';

function observation(id: string, patient: string, note = 'amber note'): Json {
  const subject = { reference: `Patient/${patient}` };
  return { resourceType: 'Observation', id, status: 'final', code: { text: 'c' }, subject, note: [{ text: note }] };
}

async function person(kept: Kept, id: string): Promise<void> {
  await put(kept, { resourceType: 'Patient', id, name: [{ family: `Family-${id}` }] });
  await put(kept, observation(`of-${id}`, id));
}

/** As if all that these name had been stored long ago. */
async function backdated({ tenant }: Kept, ids: readonly string[]): Promise<void> {
  const client = await database();
  for (const table of ['resource_version', 'resource']) {
    await client.query(
      `update ${table} t set last_updated = '2015-05-05' from resource r
       where r.tenant_id = $1 and r.fhir_id = any($2) and t.tenant_id = r.tenant_id and t.rid = r.rid`,
      [tenant.id, ids],
    );
  }
}

const set = (kept: Kept, period: string): Promise<Json> =>
  send(kept.dpo, 'POST', '$retention-rule-set', parameters({ category: 'clinical', period, basis: 'law' }));

const statusesOf = (kept: Kept, paths: readonly string[]): Promise<number[]> =>
  Promise.all(paths.map(async (path) => (await kept.fetch(path)).status));

async function erasures(kept: Kept): Promise<string[]> {
  const events = (await eventsOf(kept)).filter(({ kind, outcome }) => kind === 'patient-erased' && outcome === 0);
  expect(events.every(({ deed, agent }) => deed === 'apply-retention' && agent.client === 'makhbar')).toBe(true);
  return events.flatMap(({ patients }) => patients).sort();
}

test('who was not here for the period goes, with all that is his; whoever was, is held, restricted or expected stays', async () => {
  const [kept, other] = [await laboratory(), await laboratory()];
  const old = ['old', 'gone'];
  const staying = ['seen', 'expected', 'held', 'restricted', 'fresh'];
  const removed = 'lately-deleted';
  for (const id of [...old, ...staying, removed]) await person(kept, id);
  await person(other, 'old');
  await put(kept, {
    resourceType: 'Group',
    id: 'cohort',
    type: 'person',
    actual: true,
    member: [{ entity: { reference: 'Patient/old' } }, { entity: { reference: 'Patient/seen' } }],
  });
  await put(kept, { ...observation('next', 'expected'), effectiveDateTime: '2099-01-01' });
  await put(kept, observation('again', 'seen'));
  for (const id of ['of-gone', `of-${removed}`]) await send(kept, 'DELETE', `Observation/${id}`);
  await send(kept, 'DELETE', 'Patient/gone');
  const long = [...old, ...staying.filter((id) => id !== 'fresh'), removed];
  await backdated(kept, [...long, ...long.map((id) => `of-${id}`).filter((id) => id !== `of-${removed}`), 'next']);
  await backdated(other, ['old', 'of-old']);
  await send(kept.dpo, 'POST', 'Patient/restricted/$restrict', parameters({ reason: 'needs them in court' }));

  expect((await announced(kept)).found).not.toHaveProperty('clinical');
  await set(kept, 'P5Y');
  const run = await announced(kept);
  // What was deleted lately is looked at when its patient is to go.
  expect(run.found['clinical']).toBe(old.length + 2);
  await send(kept.dpo, 'POST', '$legal-hold', parameters({ reason: 'lawsuit', patient: 'Patient/held' }));
  const after = await applied(kept, run.id);
  expect(after.removed).toEqual({ clinical: 2 });

  expect(await statusesOf(kept, ['Patient/old', 'Observation/of-old', 'Patient/gone'])).toEqual([410, 410, 410]);
  expect(
    await statusesOf(
      kept,
      [...staying, removed].map((id) => `Patient/${id}`),
    ),
  ).toEqual([200, 200, 200, 404, 200, 200]);
  expect(await statusesOf(other, ['Patient/old', 'Observation/of-old'])).toEqual([200, 200]);
  expect(JSON.stringify(await send(kept, 'GET', 'Group/cohort'))).not.toContain('Patient/old');
  expect(await erasures(kept)).toEqual(['gone', 'old']);
  const events = await eventsOf(kept);
  expect(JSON.stringify(events.find(({ kind }) => kind === 'patient-erased')?.further)).toContain(
    run.id.replace('urn:uuid:', ''),
  );
  expect(events.find(({ kind }) => kind === 'retention-run')?.further).toEqual([keptFigures('clinical', 2)]);
  expect((await applied(kept, (await announced(kept)).id)).removed).toEqual({});
}, 120_000);

test('a run that stopped at a patient goes on there, and counts everyone once', async () => {
  const kept = await laboratory();
  const ids = ['a', 'b', 'c'];
  for (const id of ids) await person(kept, id);
  await backdated(kept, [...ids, ...ids.map((id) => `of-${id}`)]);
  await set(kept, 'P5Y');
  const client = await database();
  await client.query(`create function no_erasure_${kept.tenant.id}() returns trigger language plpgsql as
    $$ begin raise exception 'trapped'; end $$`);
  await client.query(`create trigger no_erasure_${kept.tenant.id} before insert on erased for each row
    when (new.tenant_id = ${kept.tenant.id} and new.fhir_id = 'b') execute function no_erasure_${kept.tenant.id}()`);
  const run = await announced(kept);
  await send(kept.dpo, 'POST', '$retention-run', parameters({ dryRun: 'false', run: run.id }));
  try {
    for (const end = Date.now() + 120_000; Date.now() < end; await pause(100)) {
      const { rows } = await client.query<{ attempts: number }>(
        `select attempts from job where tenant_id = $1 and kind = 'apply-retention' and attempts > 0`,
        [kept.tenant.id],
      );
      if (rows.length > 0) break;
    }
    expect((await runOf(kept, run.id)).removed).toEqual({ clinical: 1 });
    expect(
      await statusesOf(
        kept,
        ids.map((id) => `Patient/${id}`),
      ),
    ).toEqual([410, 200, 200]);
  } finally {
    await client.query(`drop trigger no_erasure_${kept.tenant.id} on erased`);
    await client.query(`drop function no_erasure_${kept.tenant.id}()`);
  }
  expect((await applied(kept, run.id)).removed).toEqual({ clinical: 3 });
  expect(await erasures(kept)).toEqual(ids);
}, 120_000);
