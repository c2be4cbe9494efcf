/**
 * SIGKILL while messages go out: each is sent, in the order of its changes, however often the process dies between sending
 * and the acknowledgement; one that was under way comes again with the same MSH-10.
 */
import { afterAll, expect, test } from '@jest/globals';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import { serverOfFile } from '../durability/own-server.ts';
import { clientOf, killServer, startServer } from '../durability/process.ts';
import { answerTo, openPeer, type Peer } from './mllp-peer.ts';

const own = serverOfFile('outbound');
let peer: Peer | undefined;
afterAll(() => peer?.stop());

const environment = { INTERFACE_NETWORKS: '127.0.0.1' };

test('nothing is lost and nothing overtakes, though the server dies with a message sent and not acknowledged', async () => {
  peer = await openPeer();
  const taking = peer;
  await killServer(own.running, false);
  own.running = await startServer(own.dataDir, environment);
  const client = await clientOf(own.running);
  const out = { to: `mllp://127.0.0.1:${peer.port}`, send: [{ message: 'ADT^A28', criteria: 'Patient' }] };
  const body = interfaceEndpoint({ name: 'out', address: 'mllp://localhost', allowed: [], out });
  expect((await client.send('POST', 'Endpoint', { body })).status).toBe(201);
  // Nothing is answered at first: the process dies twice with a message at the peer.
  let silent = true;
  peer.react = (one) => (silent ? [] : [answerTo(one, 'AA')]);
  for (let i = 0; i < 6; i++) {
    const identifier = [{ system: 'urn:makhbar:hl7v2:authority:MRN', value: `P-${i}` }];
    expect((await client.send('POST', 'Patient', { body: { resourceType: 'Patient', identifier } })).status).toBe(201);
  }
  for (const deaths of [1, 2]) {
    await peer.wait(deaths);
    await killServer(own.running, deaths === 2);
    silent = deaths < 2;
    own.running = await startServer(own.dataDir, environment);
  }
  await taking.wait(8);
  const names = taking.taken.map(({ text }) => /\rPID\|1\|\|([^^]*)/.exec(text)?.[1]);
  expect(names).toEqual(['P-0', 'P-0', 'P-0', 'P-1', 'P-2', 'P-3', 'P-4', 'P-5']);
  expect(new Set(taking.taken.slice(0, 3).map(({ controlId }) => controlId)).size).toBe(1);
  expect(new Set(taking.taken.map(({ controlId }) => controlId)).size).toBe(6);
}, 240_000);
