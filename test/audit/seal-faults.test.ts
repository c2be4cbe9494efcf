/** Sealing when the clock jumps, when processes seal at once and when they are killed: no gap, no fork. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Seal } from '../../src/audit/seal.ts';
import { verifyLog } from '../../src/sealing/verify.ts';
import { sql } from '../../src/store/sql.ts';
import { testServer } from '../server.ts';
import { sealedLaboratory, type Sealed } from './sealed.ts';

async function seals({ tenant, session }: Sealed): Promise<Seal[]> {
  const rows = await session.query<{ content: string }>(
    sql`select content from audit_seal where tenant_id = ${tenant.id} order by number`,
  );
  return rows.map(({ content }) => JSON.parse(content) as Seal);
}

test('a clock that jumps back, for the events and for the seals', async () => {
  const lab = sealedLaboratory();
  const now = Date.now();
  const day = 86_400_000;
  for (const jump of [0, -day, day, -365 * day, 60_000, -1]) {
    await lab.add(now + jump);
    await lab.add(now + jump - 1);
    await lab.seal(() => now + jump);
  }
  expect(await verifyLog(lab.session, lab.tenant)).toMatchObject({ events: 12, open: 0, finding: undefined });
  const found = await seals(lab);
  expect(found.map(({ number }) => number)).toEqual(found.map((_, i) => i + 1));
  // Each seal says the times as they were told.
  expect(found.some(({ sealed }, i) => i > 0 && sealed < (found[i - 1]?.sealed ?? ''))).toBe(true);
  expect(found.every(({ from, to }) => from < to)).toBe(true);
  // A period finds the seals of its events, wherever they stand in the chain.
  const before = await verifyLog(lab.session, lab.tenant, { period: { to: now - 300 * day } });
  expect(before).toMatchObject({ finding: undefined, events: 12 });
});

test('processes that are killed while they seal, beside others that do: no gap and no fork', async () => {
  const lab = sealedLaboratory();
  const { databaseUrl, dataDir } = testServer();
  const helper = new URL('./seal-forever.ts', import.meta.url).pathname;
  let events = 0;
  for (let round = 0; round < 4; round++) {
    const args = [helper, databaseUrl, dataDir, String(lab.tenant.id), lab.tenant.name];
    const children = [0, 1].map(() => spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
    await Promise.all(children.map((child) => once(child.stdout, 'data')));
    const until = Date.now() + 100 + Math.random() * 200;
    const known = (await seals(lab)).length;
    while (Date.now() < until || (await seals(lab)).length === known) {
      await Promise.all([lab.add(), lab.add(), lab.add()]);
      events += 3;
    }
    for (const child of children) {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await pause(Math.random() * 20);
    }
  }
  expect((await seals(lab)).length).toBeGreaterThan(1);
  await lab.seal();
  expect(await verifyLog(lab.session, lab.tenant)).toMatchObject({ events, open: 0, finding: undefined });
  const found = await seals(lab);
  expect(found.reduce((sum, { count }) => sum + count, 0)).toBe(events);
  expect(new Set(found.map(({ previous }) => previous)).size).toBe(found.length);
}, 180_000);
