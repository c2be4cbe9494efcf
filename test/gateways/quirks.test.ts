/** What a peer cannot bear is told to its interface, and left out. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import { makeBench, message, type Bench } from './bench.ts';
import { codeOf } from './mllp-client.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
}, 60_000);
afterAll(() => bench.sender.close());

let sent = 0;
/** A result for a patient without an identifier, in enhanced mode: acknowledged twice, with an ERR. */
async function wrong(): Promise<readonly string[]> {
  const text = message(bench, 'ORU^R01^ORU_R01', `w${++sent}`, 'PID|1||||Ali', 'OBR|1||F-1|718-7^Hb^LN');
  return bench.sender.send(text.replace('|P|2.5.1', '|P|2.5.1|||AL|AL'));
}

test('an interface is told by its quirks', async () => {
  const [accepted = ''] = await wrong();
  expect(codeOf(accepted)).toBe('CA');
  const { facility, lab } = bench;
  const { entry } = (await (await lab.fetch('Endpoint')).json()) as { entry: { resource: { id: string } }[] };
  const id = entry[0]?.resource.id ?? '';
  const settings = { name: 'test', address: 'mllp://localhost', allowed: ['loopback'], facility };
  const put = (quirks: readonly string[]): Promise<Response> =>
    lab.fetch(`Endpoint/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ ...interfaceEndpoint({ ...settings, quirks }), id }),
    });
  const refused = await put(['sings']);
  expect([refused.status, await refused.text()]).toEqual([422, expect.stringContaining('original-mode')]);
  expect((await put(['original-mode', 'no-errors'])).status).toBe(200);
  const isPlain = (answer: string): boolean => codeOf(answer) === 'AE' && !answer.includes('\rERR');
  let [answer = ''] = await wrong();
  // Those of both modes come, until the gateway has taken the change up.
  for (const end = Date.now() + 120_000; Date.now() < end && !isPlain(answer); await pause(300)) {
    [answer = ''] = await wrong();
  }
  expect(answer).toMatch(/\rMSA\|AE\|w\d+\|PID-3 must have[^\r]*\r$/);
  for (let n = 0; n < 3; n++) expect((await wrong()).map(isPlain)).toEqual([true]);
}, 90_000);
