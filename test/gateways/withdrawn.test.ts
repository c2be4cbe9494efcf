/** What a receiver was told of and is withdrawn, deleted or entered in error, is told to it; what it never heard of is not. */
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

async function bench(rules: readonly (readonly [message: string, criteria: string])[]): Promise<Bench> {
  const [lab, peer] = await Promise.all([makeLaboratory(), openPeer()]);
  peers.push(peer);
  const rule = rules.map(([message, criteria]) => ({ message, criteria }));
  const out = { to: `mllp://127.0.0.1:${peer.port}`, send: rule };
  const endpoint = interfaceEndpoint({ name: 'out', address: 'mllp://localhost', allowed: [], out });
  expect((await send(lab, 'POST', 'Endpoint', endpoint)).status).toBe(201);
  return { lab, peer };
}

function send(lab: Laboratory, method: string, path: string, body?: object): Promise<Response> {
  const headers = { 'content-type': 'application/fhir+json' };
  return lab.fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

interface Entry {
  readonly method: string;
  readonly url: string;
  readonly resource?: object;
}

async function transaction(lab: Laboratory, entries: readonly Entry[]): Promise<void> {
  const entry = entries.map(({ method, url, resource }) => ({
    ...(resource && { resource }),
    request: { method, url },
  }));
  const answer = await send(lab, 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
  if (answer.status !== 200) throw new Error(await answer.text());
}

function put(resource: { resourceType: string; id: string }): Entry {
  return { method: 'PUT', url: `${resource.resourceType}/${resource.id}`, resource };
}

const removed = (url: string): Entry => ({ method: 'DELETE', url });

const subject = { reference: 'Patient/p' };
const patient = { resourceType: 'Patient', id: 'p', identifier: [{ value: 'P-1' }], name: [{ family: 'Ali' }] };

function result(id: string, status = 'final'): { resourceType: string; id: string } {
  const code = { coding: [{ system: 'http://loinc.org', code: `${id}-1` }] };
  return { ...{ resourceType: 'Observation', id, status, code, subject }, ...{ valueString: 'seen' } };
}

function report(id: string, results: readonly string[], status = 'final'): { resourceType: string; id: string } {
  const references = results.map((one) => ({ reference: `Observation/${one}` }));
  return {
    ...{ resourceType: 'DiagnosticReport', id, status, code: { text: id }, subject, result: references },
    ...{ basedOn: [{ reference: 'ServiceRequest/s' }] },
  };
}

const order = {
  ...{ resourceType: 'ServiceRequest', id: 's', status: 'active', intent: 'order', subject, code: { text: 'CBC' } },
  identifier: [{ type: { coding: [{ code: 'PLAC' }] }, value: 'O-7' }],
};

/** MSH-9, ORC-1, OBR-25, OBX-3 and OBX-11 of each result. */
function said({ text }: Taken): string {
  const lines = text.split('\r').map((line) => line.split('|'));
  const of = (name: string, field: number): string[] =>
    lines.filter(([segment]) => segment === name).map((fields) => fields[field] ?? '');
  const results = lines.flatMap(([name, , , code = '', , , , , , , , status = '']) =>
    name === 'OBX' ? [`${code.split('^')[0]}=${status}`] : [],
  );
  return [...of('MSH', 8), ...of('ORC', 1), ...of('OBR', 25), ...results].filter((one) => one !== '').join(' ');
}

async function isTold({ lab }: Bench): Promise<void> {
  for (const end = Date.now() + 120_000; ; await pause(100)) {
    const [queue] = await queueStatuses(session(lab));
    if (queue?.waiting === 0) return;
    if (Date.now() > end) throw new Error('Messages wait.');
  }
}

/** What the peer is told of each of the deeds. */
async function toldOf(made: Bench, deeds: readonly (readonly Entry[])[]): Promise<string[][]> {
  const told: string[][] = [];
  for (const deed of deeds) {
    const before = made.peer.taken.length;
    await transaction(made.lab, deed);
    await isTold(made);
    told.push(made.peer.taken.slice(before).map(said));
  }
  return told;
}

test.concurrent(
  'results: OBX-11 D or W in the reports that have them, OBR-25 X for a report, once',
  async () => {
    const made = await bench([['ORU^R01', 'DiagnosticReport?status=final']]);
    const panel = { ...result('panel'), valueString: undefined, hasMember: [{ reference: 'Observation/m' }] };
    const told = await toldOf(made, [
      [put(patient), put(order), put(result('a')), put(result('b')), put(report('r', ['a', 'b']))],
      [put(report('draft', ['a'], 'preliminary'))],
      [put(result('a', 'entered-in-error'))],
      [removed('Observation/b')],
      [put(report('r', ['a', 'b'], 'entered-in-error'))],
      [removed('DiagnosticReport/r')],
      [removed('DiagnosticReport/draft'), removed('Observation/a')],
      [put(result('c')), put(report('r2', ['c']))],
      [removed('Observation/c'), removed('DiagnosticReport/r2')],
      [put(result('m')), put(panel), put(report('r3', ['panel']))],
      [removed('Observation/m')],
      [put(result('d')), put(report('r4', ['d']))],
      [removed('DiagnosticReport/r4'), removed('Patient/p')],
      [put(patient), put(report('r4', ['d']))],
    ]);
    expect(told).toEqual([
      ['ORU^R01^ORU_R01 RE F a-1=F b-1=F'],
      [],
      ['ORU^R01^ORU_R01 RE F a-1=W b-1=F'],
      ['ORU^R01^ORU_R01 RE F a-1=W b-1=D'],
      ['ORU^R01^ORU_R01 RE X a-1=W b-1=D'],
      [],
      [],
      ['ORU^R01^ORU_R01 RE F c-1=F'],
      ['ORU^R01^ORU_R01 RE X c-1=D'],
      ['ORU^R01^ORU_R01 RE F m-1=F'],
      ['ORU^R01^ORU_R01 RE F m-1=D'],
      ['ORU^R01^ORU_R01 RE F d-1=F'],
      ['ORU^R01^ORU_R01 RE X d-1=D'],
      ['ORU^R01^ORU_R01 RE F d-1=F'],
    ]);
  },
  120_000,
);

test.concurrent(
  'orders: ORC-1 CA; patients: ADT^A29 where they were told as persons, A23 where as patients',
  async () => {
    const made = await bench([
      ['OML^O21', 'ServiceRequest?status=active'],
      ['ADT^A28', 'Patient'],
      ['ADT^A31', 'Patient'],
      ['ADT^A04', 'Patient?active=true'],
      ['ADT^A08', 'Patient?active=true'],
    ]);
    const other = { ...order, id: 'draft', status: 'draft' };
    const told = await toldOf(made, [
      [put(patient), put(order), put(other)],
      [put({ ...order, status: 'entered-in-error' } as typeof order)],
      [removed('ServiceRequest/s'), removed('ServiceRequest/draft')],
      [put({ ...order, id: 't' })],
      [removed('ServiceRequest/t')],
      [removed('Patient/p')],
      [put({ ...patient, active: true } as typeof patient)],
      [removed('Patient/p')],
    ]);
    expect(told).toEqual([
      ['ADT^A28^ADT_A05', 'OML^O21^OML_O21 NW'],
      ['OML^O21^OML_O21 CA'],
      [],
      ['OML^O21^OML_O21 NW'],
      ['OML^O21^OML_O21 CA'],
      ['ADT^A29^ADT_A21'],
      ['ADT^A31^ADT_A05', 'ADT^A08^ADT_A01'],
      ['ADT^A29^ADT_A21', 'ADT^A23^ADT_A21'],
    ]);
    const [cancelled] = made.peer.taken.slice(-4);
    expect(cancelled?.text).toContain('\rPID|1||P-1');
  },
  120_000,
);
