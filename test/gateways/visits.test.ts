/** Visits in what goes out: PV1 of messages about a patient, and the messages about a visit itself. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import { queueStatuses } from '../../src/store/outbox.ts';
import { makeLaboratory, type Laboratory } from '../server.ts';
import { session } from './bench.ts';
import { openPeer, type Peer, type Taken } from './mllp-peer.ts';

const peers: Peer[] = [];
afterAll(() => Promise.all(peers.map((peer) => peer.stop())));

interface Bench {
  readonly lab: Laboratory;
  readonly peer: Peer;
}

async function bench(rules: Readonly<Record<string, string>>): Promise<Bench> {
  const [lab, peer] = await Promise.all([makeLaboratory(), openPeer()]);
  peers.push(peer);
  const rule = Object.entries(rules).map(([message, criteria]) => ({ message, criteria }));
  const out = { to: `mllp://127.0.0.1:${peer.port}`, send: rule };
  const endpoint = interfaceEndpoint({ name: 'out', address: 'mllp://localhost', allowed: [], out });
  expect((await send(lab, 'POST', 'Endpoint', endpoint)).status).toBe(201);
  return { lab, peer };
}

function send(lab: Laboratory, method: string, path: string, body?: object): Promise<Response> {
  const headers = { 'content-type': 'application/fhir+json' };
  return lab.fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

function segment({ text }: Taken, name: string): string {
  return text.split('\r').find((one) => one.startsWith(`${name}|`)) ?? '';
}

/** What the peer is told of each of the deeds. */
async function toldOf({ lab, peer }: Bench, deeds: readonly (() => Promise<Response>)[]): Promise<Taken[][]> {
  const told: Taken[][] = [];
  for (const deed of deeds) {
    const before = peer.taken.length;
    const answer = await deed();
    if (!answer.ok) throw new Error(await answer.text());
    for (const end = Date.now() + 120_000; ; await pause(100)) {
      const [queue] = await queueStatuses(session(lab));
      if (queue?.waiting === 0) break;
      if (Date.now() > end) throw new Error('Messages wait.');
    }
    told.push(peer.taken.slice(before));
  }
  return told;
}

const patient = { resourceType: 'Patient', id: 'p', identifier: [{ value: 'P-1' }], name: [{ family: 'Ali' }] };

function visit(status: string, more: object = {}): object {
  return {
    ...{
      resourceType: 'Encounter',
      id: 'v',
      status,
      identifier: [{ system: 'urn:makhbar:hl7v2:authority:VN', value: 'V-1' }],
    },
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
    subject: { reference: 'Patient/p' },
    period: { start: '2026-01-30' },
    ...more,
  };
}

test.concurrent(
  'a change of a patient tells the newest of his open visits',
  async () => {
    const made = await bench({ 'ADT^A04': 'Patient', 'ADT^A08': 'Patient' });
    const { lab } = made;
    const older = { ...visit('in-progress'), id: 'w', period: { start: '2025-01-30' }, identifier: [{ value: 'V-0' }] };
    const told = await toldOf(made, [
      () => send(lab, 'PUT', 'Patient/p', patient),
      () => send(lab, 'PUT', 'Encounter/w', older),
      () => send(lab, 'PUT', 'Encounter/v', visit('in-progress', { location: [{ location: { display: 'Ward 3' } }] })),
      () => send(lab, 'PUT', 'Patient/p', { ...patient, gender: 'male' }),
      () => send(lab, 'PUT', 'Encounter/v', visit('finished')),
      () => send(lab, 'PUT', 'Patient/p', { ...patient, gender: 'female' }),
      () => send(lab, 'PUT', 'Encounter/w', { ...older, status: 'cancelled' }),
      () => send(lab, 'PUT', 'Patient/p', patient),
    ]);
    expect(told.map((some) => some.map((one) => segment(one, 'PV1').replaceAll(/\|{2,}/g, '|')))).toEqual([
      ['PV1|1|U'],
      [],
      [],
      ['PV1|1|I|Ward 3|V-1^^^VN|20260130'],
      [],
      ['PV1|1|I|V-0|20250130'],
      [],
      ['PV1|1|U'],
    ]);
  },
  120_000,
);

test.concurrent(
  'a visit: begun, changed, ended, and taken back when it is cancelled or deleted',
  async () => {
    const made = await bench({
      'ADT^A01': 'Encounter?status=in-progress&class=IMP',
      'ADT^A08': 'Encounter?status=in-progress',
      'ADT^A03': 'Encounter?status=finished',
      'ADT^A11': 'Encounter?status=cancelled',
    });
    const { lab } = made;
    const put =
      (status: string, more: object = {}) =>
      (): Promise<Response> =>
        send(lab, 'PUT', 'Encounter/v', visit(status, more));
    const another = (status: string) => (): Promise<Response> =>
      send(lab, 'PUT', 'Encounter/u', { ...visit(status), id: 'u' });
    await send(lab, 'PUT', 'Patient/p', patient);
    const told = await toldOf(made, [
      put('planned'),
      put('in-progress'),
      put('in-progress', { location: [{ location: { display: 'Ward 3' } }] }),
      put('finished', { period: { start: '2026-01-30', end: '2026-02-03' } }),
      () => send(lab, 'DELETE', 'Encounter/v'),
      another('in-progress'),
      another('cancelled'),
      () => send(lab, 'DELETE', 'Encounter/u'),
    ]);
    const said = told.map((some) =>
      some.map((one) => [segment(one, 'MSH').split('|')[8], segment(one, 'EVN').split('|')[1], segment(one, 'PID')]),
    );
    const pid = 'PID|1||P-1||Ali';
    expect(said).toEqual([
      [],
      [['ADT^A01^ADT_A01', 'A01', pid]],
      [['ADT^A08^ADT_A01', 'A08', pid]],
      [['ADT^A03^ADT_A03', 'A03', pid]],
      [['ADT^A11^ADT_A09', 'A11', pid]],
      [['ADT^A01^ADT_A01', 'A01', pid]],
      [['ADT^A11^ADT_A09', 'A11', pid]],
      [],
    ]);
    const discharged = made.peer.taken.find((one) => one.text.includes('ADT^A03'));
    expect(discharged && segment(discharged, 'PV1')).toMatch(/\|20260130\|20260203$/);
  },
  120_000,
);
