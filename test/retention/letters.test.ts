/** The rule of communication: letters that stand for themselves go with all their versions and files, and nothing else. */
import { expect, test } from '@jest/globals';
import { keptFigures } from '../../src/audit/security.ts';
import { eventsOf } from '../audit/log.ts';
import { database, parameters, put, send, type Json } from '../erasure/laboratory.ts';
import { announced, applied, laboratory, type Kept } from './laboratory.ts';

const letter = (id: string, patient: string, more: Json = {}): Json => ({
  resourceType: 'Communication',
  id,
  status: 'completed',
  subject: { reference: `Patient/${patient}` },
  sent: '2015-05-05T10:00:00Z',
  payload: [{ contentString: `crimson ${id}` }],
  ...more,
});

/** Ids of letters, and whether each is to go. */
const cases: readonly (readonly [id: string, goes: boolean, letter: Json])[] = [
  ['alone', true, letter('alone', 'p')],
  ['with-file', true, letter('with-file', 'p', { payload: [{ contentAttachment: { url: 'Binary/only' } }] })],
  ['shares-file', true, letter('shares-file', 'p', { payload: [{ contentAttachment: { url: 'Binary/shared' } }] })],
  ['of-nobody', true, { ...letter('of-nobody', 'p'), subject: undefined } as unknown as Json],
  ['about-result', false, letter('about-result', 'p', { about: [{ reference: 'Observation/result' }] })],
  ['about-order', false, letter('about-order', 'p', { basedOn: [{ reference: 'ServiceRequest/order' }] })],
  ['whole', false, letter('whole', 'p')],
  ['part', true, letter('part', 'p', { partOf: [{ reference: 'Communication/whole' }] })],
  ['to-come', false, letter('to-come', 'p', { sent: '2099-01-01T00:00:00Z' })],
  ['held', false, letter('held', 'kept')],
  ['to-held', false, letter('to-held', 'p', { recipient: [{ reference: 'Patient/kept' }] })],
  ['restricted', false, letter('restricted', 'limited')],
  ['fresh', false, letter('fresh', 'p')],
];

async function filled(kept: Kept): Promise<void> {
  for (const id of ['p', 'kept', 'limited']) await put(kept, { resourceType: 'Patient', id });
  await put(kept, { resourceType: 'Observation', id: 'result', status: 'final', code: { text: 'c' } });
  for (const id of ['only', 'shared']) {
    await put(kept, {
      resourceType: 'Binary',
      id,
      contentType: 'text/plain',
      data: Buffer.from(`crimson ${id}`).toString('base64'),
    });
  }
  await put(kept, {
    resourceType: 'DocumentReference',
    id: 'shares',
    status: 'current',
    content: [{ attachment: { url: 'Binary/shared' } }],
  });
  for (const [, , resource] of cases) await put(kept, resource);
  await put(kept, letter('alone', 'p', { note: [{ text: 'crimson second version' }] }));
  await send(kept.dpo, 'POST', 'Patient/limited/$restrict', parameters({ reason: 'needs them in court' }));
  const client = await database();
  for (const table of ['resource_version', 'resource']) {
    await client.query(
      `update ${table} t set last_updated = '2015-05-05' from resource r where r.tenant_id = $1
       and r.fhir_id <> 'fresh' and t.tenant_id = r.tenant_id and t.rid = r.rid`,
      [kept.tenant.id],
    );
  }
}

test('what goes, what stays, and the rest of the laboratory', async () => {
  const [kept, other] = [await laboratory(), await laboratory()];
  await filled(kept);
  await filled(other);
  const going = cases.filter(([, goes]) => goes).map(([id]) => id);

  const run = await announced(kept);
  // The one of the patient who will be held counts until he is.
  expect(run.found['communication']).toBe(going.length + 2);
  await send(kept.dpo, 'POST', '$legal-hold', parameters({ reason: 'lawsuit', patient: 'Patient/kept' }));
  // With its part gone the letter stands for itself.
  expect((await applied(kept, run.id)).removed).toEqual({ communication: going.length + 1 });

  const gone = new Set([...going, 'whole']);
  for (const [id] of cases.filter((one) => one[0] !== 'restricted')) {
    const { status } = await kept.fetch(`Communication/${id}`);
    expect([id, status]).toEqual([id, gone.has(id) ? 410 : 200]);
    expect((await other.fetch(`Communication/${id}`)).status).toBe(200);
  }
  expect((await kept.fetch('Binary/only')).status).toBe(410);
  expect((await kept.fetch('Binary/shared')).status).toBe(200);
  const client = await database();
  const { rows } = await client.query<{ left: number }>(
    `select count(*)::int as left from resource_version
     where tenant_id = $1 and coalesce(exact, content::text) ~ 'crimson (alone|second)'`,
    [kept.tenant.id],
  );
  expect(rows).toEqual([{ left: 0 }]);
  const events = await eventsOf(kept);
  expect(events.find(({ kind }) => kind === 'retention-run')?.further).toEqual([
    keptFigures('communication', going.length + 1),
  ]);
}, 120_000);
