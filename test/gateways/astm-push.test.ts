/** Work that goes to an analyzer of the laboratory's own accord, on the line that it opened. LIS02-A2 §9 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Socket } from 'node:net';
import { isToCancel, isToSend } from '../../src/gateways/astm/push-due.ts';
import { listMessages } from '../../src/store/messages.ts';
import type { Analyzer } from '../astm/simulator.ts';
import { makeAstmBench, ordered, post, sessionOf, until, type AstmBench, type Json } from './astm-bench.ts';

const loinc = 'http://loinc.org';
let bench: AstmBench;
let line: { analyzer: Analyzer; socket: Socket };

beforeAll(async () => {
  bench = await makeAstmBench({ law: { broadcast: true, tests: [`${loinc}|2345-7`, `${loinc}|2160-0`] } });
  line = await bench.open();
}, 90_000);
afterAll(() => void line.socket.destroy());

async function received(number: string): Promise<void> {
  const [specimen] = await until(bench.lab, `Specimen?accession=${number}`);
  const resource = { ...specimen, receivedTime: '2026-01-31T08:00:00+03:00' };
  await post(bench.lab, resource, 'PUT', `Specimen/${String(specimen?.['id'])}`);
}

async function task(order: string | undefined, status: string): Promise<Json[]> {
  return await until(bench.lab, `Task?focus=ServiceRequest/${order}&status=${status}`);
}

const field = (record: string | undefined, at: number): string => record?.split('|')[at - 1] ?? '';

test('when its specimen is received, once; and that it was cancelled', async () => {
  const number = `P-${Date.now()}`;
  const { orders } = await ordered(bench.lab, number, ['2345-7', '2160-0', '718-7']);
  await received(number);
  const sent = await line.analyzer.orders();
  const [header, patient, order, ended] = sent;
  expect(sent.map((record) => record[0])).toEqual(['H', 'P', 'O', 'L']);
  expect([header?.[0], field(patient, 4)]).toEqual(['H', `MRN-${number}`]);
  expect(field(order, 3)).toBe(number);
  expect(field(order, 5).split('\\').toSorted()).toEqual(['^^^2160-0', '^^^2345-7']);
  expect([field(order, 12), field(order, 26), ended]).toEqual(['A', 'O', 'L|1|N']);
  const tasks = await task(orders[0], 'accepted');
  expect(tasks).toHaveLength(1);
  await task(orders[1], 'accepted');

  const [stored] = await until(bench.lab, `ServiceRequest?_id=${orders[0]}`);
  await post(bench.lab, { ...stored, status: 'revoked' }, 'PUT', `ServiceRequest/${orders[0]}`);
  // What it has is not sent again: the next message is the cancellation.
  const cancelled = await line.analyzer.orders();
  const taken = cancelled.find((record) => record.startsWith('O'));
  expect([field(taken, 3), field(taken, 5), field(taken, 12)]).toEqual([number, '^^^2345-7', 'C']);
  await task(orders[0], 'cancelled');
  const [other] = await task(orders[1], 'accepted');
  expect(other).toBeDefined();
}, 90_000);

test('what a line did not see the next one is sent', async () => {
  line.socket.destroy();
  const number = `Q-${Date.now()}`;
  const { orders } = await ordered(bench.lab, number, ['2345-7']);
  await received(number);
  line = await bench.open();
  const sent = await line.analyzer.orders();
  expect(
    field(
      sent.find((record) => record.startsWith('O')),
      3,
    ),
  ).toBe(number);
  await task(orders[0], 'accepted');
}, 90_000);

test('of two lines of an analyzer one is sent it', async () => {
  const other = await bench.open();
  for (const round of [1, 2]) {
    const number = `R${round}-${Date.now()}`;
    const { orders } = await ordered(bench.lab, number, ['2345-7']);
    const sent = Promise.race([line.analyzer.orders(), other.analyzer.orders()]);
    await received(number);
    expect((await sent).some((record) => field(record, 3) === number)).toBe(true);
    await task(orders[0], 'accepted');
    const out = await listMessages(sessionOf(bench.lab), { direction: 'out', count: 100 });
    expect(out.filter(({ controlId }) => controlId === number)).toHaveLength(1);
  }
  other.socket.destroy();
}, 90_000);

const now = Date.parse('2026-01-31T08:15:00Z');
const at = (status: string, seconds: number): Json => ({
  ...{ resourceType: 'Task', status },
  meta: { lastUpdated: new Date(now - seconds * 1_000).toISOString() },
});

test.each([
  ['was never sent', undefined, true, false],
  ['was sent just now', at('requested', 119), false, true],
  ['was sent and not taken for two minutes', at('requested', 121), true, true],
  ['was taken', at('accepted', 1_000), false, true],
  ['is refused', at('rejected', 1_000), false, false],
  ['was measured, and is to be measured again', at('completed', 1), true, false],
  ['was cancelled there', at('cancelled', 1_000), false, false],
])('work that %s', (_, one, sends, cancels) => {
  expect([isToSend(one as Parameters<typeof isToSend>[0], now), isToCancel(one as never)]).toEqual([sends, cancels]);
});
