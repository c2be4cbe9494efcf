/** The queues themselves, whatever the protocol: their order, over several processes, and what becomes of erased messages. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { enqueue } from '../../src/gateways/enqueue.ts';
import { startOutbox, type Sending } from '../../src/gateways/outbox.ts';
import { createLog } from '../../src/log.ts';
import { shared } from '../../src/start/http.ts';
import { listMessages } from '../../src/store/messages.ts';
import { claimQueue, lockQueue, nextChanges, nextMessage, renewQueue } from '../../src/store/outbox.ts';
import { sql } from '../../src/store/sql.ts';
import { officer, parameters, send } from '../erasure/laboratory.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';
import { session } from './bench.ts';

async function put(lab: Laboratory, name: string, number: number, patients: readonly string[] = []): Promise<string> {
  const raw = Buffer.from(`MSH|^~\\&|A|B|||2026||ADT^A28|${number}|P|2.5.1\r`);
  const more = { type: 'ADT^A28', sender: 'A|B', charset: 'utf-8' };
  return enqueue(session(lab), name, { protocol: 'hl7v2', ...more, controlId: String(number), raw, patients });
}

test('changes come in the order of their writes, however many digits their numbers have', async () => {
  const lab = await makeLaboratory();
  const { tenant, query } = session(lab);
  await query(sql`insert into outbound_change (tenant_id, interface, rid, ver)
    select ${tenant}::int4, 'x', n, 1 from generate_series(1, 10000) n order by n`);
  const changes = await nextChanges(session(lab), 'x', 10_000);
  expect(changes.map(({ rid }) => Number(rid))).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 1));
});

test('one process is at a queue: whoever lost the lease changes nothing', async () => {
  const lab = await makeLaboratory();
  await put(lab, 'x', 1);
  const first = await claimQueue(session(lab), 'x', 60);
  if (first === undefined) throw new Error('not claimed');
  expect(await claimQueue(session(lab), 'x', 60)).toBeUndefined();
  expect(await renewQueue(session(lab), first, 0)).toBe(true);
  const second = await claimQueue(session(lab), 'x', 60);
  expect(second).toBeDefined();
  expect(await renewQueue(session(lab), first, 60)).toBe(false);
  expect(await lockQueue(session(lab), first)).toBeUndefined();
});

test('several processes send each message once and in order, though one of them ends meanwhile', async () => {
  const lab = await makeLaboratory();
  const { databaseUrl, dataDir } = testServer();
  const config = readConfig({ DATABASE_URL: databaseUrl, DATA_DIR: dataDir, LOG_LEVEL: 'silent' });
  const server = shared(config, testDatabase(), createLog('silent'));
  const sent: string[] = [];
  let under = 0;
  let most = 0;
  const sending: Sending = {
    ...{ tenant: lab.tenant, id: 'x', name: 'x', state: '' },
    open: () =>
      Promise.resolve({
        deliver: async ({ controlId }) => {
          most = Math.max(most, ++under);
          await pause(Math.random() * 5);
          sent.push(controlId);
          under--;
          return { kind: 'sent', peer: '' };
        },
        close: () => undefined,
      }),
    make: () => Promise.resolve(true),
    failed: () => Promise.resolve(),
    taken: () => Promise.resolve(),
  };
  const outboxes = [1, 2, 3].map(() => startOutbox(server, () => [sending]));
  try {
    for (let i = 0; i < 60; i++) {
      await put(lab, 'x', i);
      if (i === 30) await outboxes.shift()?.stop();
    }
    for (const end = Date.now() + 120_000; sent.length < 60 && Date.now() < end;) await pause(50);
  } finally {
    await Promise.all(outboxes.map((outbox) => outbox.stop()));
  }
  expect(sent.map(Number)).toEqual(Array.from({ length: 60 }, (_, i) => i));
  expect(most).toBe(1);
}, 120_000);

test('what waits about an erased patient is not sent any more, and nothing of it is left', async () => {
  const lab = await makeLaboratory();
  const { id = '' } = (await send(lab, 'POST', 'Patient', { resourceType: 'Patient' })) as { id?: string };
  await put(lab, 'x', 1, [id]);
  await put(lab, 'x', 2);
  const dpo = await officer(lab.tenant);
  await send(dpo, 'POST', `Patient/${id}/$erase`, parameters({ reason: 'Request 9.' }));
  expect((await nextMessage(session(lab), 'x'))?.controlId).toBe('2');
  const stored = await listMessages(session(lab), { count: 10 });
  expect(stored.map(({ status, raw }) => `${status} ${raw.length > 0}`).toSorted()).toEqual([
    'queued true',
    'rejected false',
  ]);
}, 60_000);
