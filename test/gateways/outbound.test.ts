/** Messages that go out over a real MLLP connection: made with the write, in order, retried, given up, told once. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, test } from '@jest/globals';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import type { OutboundGiven } from '../../src/gateways/hl7v2/outbound-settings.ts';
import { listMessages, type StoredMessage } from '../../src/store/messages.ts';
import { queueStatuses } from '../../src/store/outbox.ts';
import { eventsOf } from '../audit/log.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { session } from './bench.ts';
import { answerTo, openPeer, type Peer, type Taken } from './mllp-peer.ts';

const peers: Peer[] = [];
afterAll(() => Promise.all(peers.map((peer) => peer.stop())));

const adt = [
  { message: 'ADT^A28', criteria: 'Patient' },
  { message: 'ADT^A31', criteria: 'Patient' },
];

interface Bench {
  readonly lab: Laboratory;
  readonly peer: Peer;
  readonly endpoint: string;
}

async function peerOf(): Promise<Peer> {
  const peer = await openPeer();
  peers.push(peer);
  return peer;
}

async function bench(out: Partial<OutboundGiven> = {}): Promise<Bench> {
  const [lab, peer] = await Promise.all([makeLaboratory(), peerOf()]);
  return { lab, peer, endpoint: await addInterface(lab, { to: `mllp://127.0.0.1:${peer.port}`, send: adt, ...out }) };
}

async function addInterface(lab: Laboratory, out: OutboundGiven): Promise<string> {
  const endpoint = interfaceEndpoint({ name: 'out', address: 'mllp://localhost', allowed: [], zone: 'Asia/Aden', out });
  const answer = await send(lab, 'POST', 'Endpoint', endpoint);
  expect(answer.status).toBe(201);
  return /Endpoint\/([^/]+)/.exec(answer.headers.get('location') ?? '')?.[1] ?? '';
}

function send(lab: Laboratory, method: string, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/fhir+json' };
  return lab.fetch(path, { method, headers, body: JSON.stringify(body) });
}

function patient(number: number | string, more: object = {}): object {
  const identifier = [{ system: 'urn:makhbar:hl7v2:authority:MRN', value: String(number) }];
  return { resourceType: 'Patient', identifier, name: [{ family: 'القاسم', given: ['ليلى'] }], ...more };
}

async function create(lab: Laboratory, number: number | string): Promise<string> {
  const answer = await send(lab, 'POST', 'Patient', patient(number));
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

function field(taken: Taken | undefined, segment: string, number: number): string {
  const line = taken?.text.split('\r').find((one) => one.startsWith(`${segment}|`));
  return line?.split('|')[segment === 'MSH' ? number - 1 : number] ?? '';
}

/** When what is read meets the condition. */
async function until<T>(read: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  for (const end = Date.now() + 60_000; ; await pause(100)) {
    const found = await read();
    if (isSo(found)) return found;
    if (Date.now() > end) throw new Error(`It did not come: ${JSON.stringify(found).slice(0, 500)}`);
  }
}

function messages(lab: Laboratory): Promise<StoredMessage[]> {
  return listMessages(session(lab), { direction: 'out', count: 100 });
}

const isDone = ({ status }: StoredMessage): boolean => status !== 'queued';

describe('an interface that sends', () => {
  test('tells a change once it is written, in order, on one connection; what it wrote itself or failed is not told', async () => {
    const { lab, peer } = await bench();
    const id = await create(lab, 'P-1');
    const changed = await send(lab, 'PUT', `Patient/${id}`, { ...patient('P-1'), id, gender: 'female' });
    expect(changed.status).toBe(200);
    const refused = await send(lab, 'PUT', `Patient/${id}`, { ...patient('P-1'), id, gender: 'nobody' });
    expect(refused.status).toBe(422);
    await create(lab, 'P-2');
    const taken = await peer.wait(3);
    expect(taken.map((one) => [field(one, 'MSH', 9), field(one, 'PID', 3)])).toEqual([
      ['ADT^A28^ADT_A05', 'P-1^^^MRN'],
      ['ADT^A31^ADT_A05', 'P-1^^^MRN'],
      ['ADT^A28^ADT_A05', 'P-2^^^MRN'],
    ]);
    expect(field(taken[1], 'PID', 8)).toBe('F');
    expect(field(taken[0], 'PID', 5)).toBe('القاسم^ليلى');
    expect(taken.map(({ connection }) => connection)).toEqual([1, 1, 1]);
    const stored = await until(
      () => messages(lab),
      (found) => found.every(isDone),
    );
    expect(stored.map(({ status, source }) => [status, source?.split('/_').at(-1)])).toEqual([
      ['sent', 'history/1'],
      ['sent', 'history/2'],
      ['sent', 'history/1'],
    ]);
    const told = (await eventsOf(lab)).filter(({ kind }) => kind === 'message-sent');
    expect(told.map(({ patients, outcome }) => [patients.includes(id), outcome]).filter(([about]) => about)).toEqual([
      [true, 0],
      [true, 0],
    ]);
  }, 120_000);

  test('a broken connection, silence and refusals that may pass: the same MSH-10 again, and nothing overtakes', async () => {
    const { lab, peer } = await bench({ timeout: 1 });
    const reactions = [
      (): 'close' => 'close',
      (): string[] => [answerTo({ controlId: 'another' }, 'AA')],
      (one: Taken): string[] => [answerTo(one, 'CR', 'ERR||PID^1|206^^HL70357|E')],
    ];
    peer.react = (one) => (reactions.shift() ?? ((found) => [answerTo(found, 'AA')]))(one);
    for (const number of [1, 2, 3]) await create(lab, number);
    const taken = await peer.wait(6);
    expect(taken.map((one) => field(one, 'PID', 3))).toEqual([1, 1, 1, 1, 2, 3].map((number) => `${number}^^^MRN`));
    expect(new Set(taken.slice(0, 4).map(({ controlId }) => controlId)).size).toBe(1);
    expect(new Set(taken.map(({ controlId }) => controlId)).size).toBe(3);
    const [status] = await until(
      () => queueStatuses(session(lab)),
      ([one]) => one?.waiting === 0,
    );
    expect(status).toMatchObject({ attempts: 0, failed: 0 });
    const kinds = (await eventsOf(lab)).map(({ kind }) => kind).filter((kind) => kind.startsWith('interface-'));
    expect(kinds.toSorted()).toEqual(['interface-resumed', 'interface-stalled']);
  }, 120_000);
});
