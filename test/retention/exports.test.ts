/** Bulk exports are kept for as long as the rule of their category says, and stay while a legal hold keeps them. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { sessionOf } from '../../src/store/accounts.ts';
import { requestJob } from '../../src/store/jobs.ts';
import { sql } from '../../src/store/sql.ts';
import { parameters, put, send } from '../erasure/laboratory.ts';
import { ended, kickOff } from '../exporting/asking.ts';
import { testDatabase } from '../server.ts';
import { laboratory, partsOf } from './laboratory.ts';

const day = 86_400_000;

test('the rule says until when, a legal hold keeps what is over', async () => {
  const lab = await laboratory();
  const { id } = lab.tenant;
  const session = sessionOf(testDatabase(), id);
  await put(lab, { resourceType: 'Patient', id: 'p' });
  const rule = { category: 'exports', period: 'P3D', basis: 'contract' };
  const [set] = partsOf(await send(lab.dpo, 'POST', '$retention-rule-set', parameters(rule)), 'rule');
  expect(set).toMatchObject({ removes: true, period: 'P3D' });
  const before = Date.now();
  const begun = await kickOff(lab, '$export?_type=Patient');
  const made = await ended(lab, begun.headers.get('content-location') ?? '');
  const expires = Date.parse(made.headers.get('expires') ?? '');
  expect(expires).toBeGreaterThanOrEqual(before + 3 * day - 1_000);
  expect(expires).toBeLessThanOrEqual(Date.now() + 3 * day + 1_000);

  const hold = await send(lab.dpo, 'POST', '$legal-hold', parameters({ reason: 'lawsuit', category: 'exports' }));
  await session.query(sql`update bulk_export set expires = clock_timestamp() - interval '1 s' where tenant_id = ${id}`);
  const exports = async (): Promise<number> =>
    (await session.query(sql`select 1 as one from bulk_export where tenant_id = ${id}`)).length;
  const ran = async (): Promise<void> => {
    await requestJob(session, 'expire-exports');
    for (const end = Date.now() + 120_000; Date.now() < end; await pause(100)) {
      const waiting = await session.query(sql`select 1 as one from job
        where tenant_id = ${id} and kind = 'expire-exports' and state in ('queued', 'active')`);
      if (waiting.length === 0) return;
    }
    throw new Error('The job did not come to its end.');
  };
  await ran();
  expect(await exports()).toBe(1);
  const { id: held } = partsOf(hold, 'hold')[0] ?? {};
  await send(lab.dpo, 'POST', '$legal-hold-lift', parameters({ hold: String(held), reason: 'settled' }));
  await ran();
  expect(await exports()).toBe(0);
}, 90_000);
