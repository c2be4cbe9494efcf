/** A hospital takes back, holds and lets go the order of a panel (ORC-1 CA, HD, RL) after it was accessioned: its tests follow. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/fhir/json.ts';
import { resourcesOf, done, found, load } from '../laboratory/laboratory.ts';
import { makeBench, message, type Bench } from './bench.ts';
import { codeOf } from './mllp-client.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
  await load(bench.lab);
}, 120_000);
afterAll(() => bench.sender.close());

const refer = (resource: JsonObject | undefined): string =>
  `${String(resource?.['resourceType'])}/${String(resource?.['id'])}`;
const statuses = (orders: readonly JsonObject[]): string[] => [...new Set(orders.map(({ status }) => String(status)))];

let sent = 0;
async function order(control: string): Promise<void> {
  const segments = [
    'PID|1||7^^^MRN^MR||Haddad^Samir',
    `ORC|${control}|P-1^HIS`,
    'OBR|1|P-1^HIS||24326-1^Electrolytes^LN',
  ];
  const [answer] = await bench.sender.send(message(bench, 'OML^O21^OML_O21', `panel${++sent}`, ...segments));
  expect(codeOf(answer)).toBe('AA');
}

test('its tests and its specimen follow', async () => {
  await order('NW');
  const [panel] = await found(bench.lab, 'ServiceRequest?identifier=P-1');
  const accessioned = await done(bench.lab, 'Specimen/$accession', { order: refer(panel) });
  const specimen = refer(resourcesOf(accessioned, 'specimen')[0]);
  const parts = (): Promise<JsonObject[]> => found(bench.lab, `ServiceRequest?based-on=${refer(panel)}`);
  expect((await parts()).length).toBeGreaterThan(2);
  for (const [control, status] of [
    ['HD', 'on-hold'],
    ['RL', 'active'],
    ['CA', 'revoked'],
  ] as const) {
    await order(control);
    const now = [...(await found(bench.lab, 'ServiceRequest?identifier=P-1')), ...(await parts())];
    expect([control, statuses(now)]).toEqual([control, [status]]);
  }
  const left = await found(bench.lab, `Specimen?_id=${specimen.split('/')[1]}&state=cancelled`);
  expect(left).toHaveLength(1);
}, 60_000);
