/** The server that runs seals what happens by itself, within seconds, each laboratory for itself. */
import { expect, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { verifyLog, type Verified } from '../../src/sealing/verify.ts';
import { makeLaboratory, testDatabase, type Laboratory } from '../server.ts';

function verify({ tenant }: Laboratory): Promise<Verified> {
  const database = testDatabase();
  return verifyLog({ tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) }, tenant);
}

async function sealed(lab: Laboratory): Promise<Verified> {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(100)) {
    const found = await verify(lab);
    if (found.seals > 0 && found.open === 0) return found;
  }
  return verify(lab);
}

test('requests are sealed within seconds; a laboratory where nothing happened has no seal', async () => {
  const [lab, quiet] = [await makeLaboratory(), await makeLaboratory()];
  const before = await verify(quiet);
  for (let i = 0; i < 5; i++) await lab.fetch(`Patient?_count=${i}`);
  const found = await sealed(lab);
  expect(found).toMatchObject({ open: 0, finding: undefined });
  expect(found.events).toBeGreaterThanOrEqual(5);
  // What happens later comes under a further seal.
  await lab.fetch('Patient/none');
  const after = await sealed(lab);
  // A background job may have had its own event meanwhile.
  expect(after.events).toBeGreaterThan(found.events);
  expect(after.seals).toBeGreaterThan(found.seals);
  expect((await verify(quiet)).events).toBeGreaterThanOrEqual(before.events);
  expect((await verify(quiet)).finding).toBeUndefined();
}, 120_000);
