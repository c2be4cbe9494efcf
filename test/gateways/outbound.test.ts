/** Messages that go out over a real MLLP connection: made with the write, in order, retried, given up, told once. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, test } from '@jest/globals';
import { interfaceEndpoint } from '../../src/gateways/hl7v2/settings.ts';
import type { OutboundGiven } from '../../src/gateways/hl7v2/outbound-settings.ts';
import { listMessages, type StoredMessage } from '../../src/store/messages.ts';
import { queueStatuses, requeueMessage } from '../../src/store/outbox.ts';
import { sql } from '../../src/store/sql.ts';
import { eventsOf } from '../audit/log.ts';
import { officer, parameters } from '../erasure/laboratory.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';
import { makeBench, message, session } from './bench.ts';
import { codeOf, openSender } from './mllp-client.ts';
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
  for (const end = Date.now() + 120_000; ; await pause(100)) {
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
  test.concurrent(
    'tells a change once it is written, in order, on one connection; what it wrote itself or failed is not told',
    async () => {
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
    },
    120_000,
  );

  test.concurrent(
    'a broken connection, silence and refusals that may pass: the same MSH-10 again, and nothing overtakes',
    async () => {
      const { lab, peer } = await bench({ timeout: 5 });
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
    },
    120_000,
  );

  test.concurrent(
    'what the peer refuses is given up with its ERR and a Task, holds up nothing, and can be sent again',
    async () => {
      const { lab, peer, endpoint } = await bench();
      peer.react = (one) => [answerTo(one, 'AE', 'ERR||PID^1^5|101^Required field missing^HL70357|E||||no name')];
      await create(lab, 'bad');
      await peer.wait(1);
      await until(
        () => messages(lab),
        ([one]) => one?.status === 'failed',
      );
      peer.react = (one) => [answerTo(one, 'AA')];
      await create(lab, 'good');
      const stored = await until(
        () => messages(lab),
        (found) => found.length === 2 && found.every(isDone),
      );
      const failed = stored.find(({ status }) => status === 'failed');
      expect(failed?.problems).toMatchObject([
        { code: '101', sentence: 'no name', place: { segment: 'PID', field: 5 } },
      ]);
      const tasks = await until(
        () => tasksOf(lab),
        (found) => found.length > 0,
      );
      expect(tasks).toMatchObject([{ status: 'ready', description: 'The peer answered AE (101).' }]);
      const refusals = (await eventsOf(lab)).filter(({ kind }) => kind === 'message-not-sent');
      expect(refusals).toMatchObject([{ outcome: 4, agent: { subject: `Endpoint/${endpoint}` } }]);
      expect(await requeueMessage(session(lab), failed?.id ?? '')).toBe(true);
      const taken = await peer.wait(3);
      expect(taken[2]?.controlId).toBe(taken[0]?.controlId);
      await until(
        () => tasksOf(lab),
        ([one]) => one?.['status'] === 'completed',
      );
      expect((await messages(lab)).map(({ status }) => status)).toEqual(['sent', 'sent']);
    },
    120_000,
  );

  test.concurrent(
    'an order that the peer is unable to take (ORL, ORC-1 UA) is given up with a Task, though it says AA',
    async () => {
      const { lab, peer } = await bench({ send: [{ message: 'OML^O21', criteria: 'ServiceRequest' }] });
      const orl = (one: Taken, control: string): string =>
        answerTo(one, 'AA', `ORC|${control}|${field(one, 'ORC', 2)}|F-1^HIS`).replace('||ACK|', '||ORL^O22^ORL_O22|');
      peer.react = (one) => [orl(one, 'UA')];
      const id = await create(lab, 'U-1');
      const order = { resourceType: 'ServiceRequest', status: 'active', intent: 'order', code: { text: 'CBC' } };
      const placed = { ...order, subject: { reference: `Patient/${id}` } };
      expect((await send(lab, 'POST', 'ServiceRequest', placed)).status).toBe(201);
      const [task] = await until(
        () => tasksOf(lab),
        (found) => found.length > 0,
      );
      expect(task).toMatchObject({ status: 'ready', description: expect.stringContaining('ORC-1 UA') });
      peer.react = (one) => [orl(one, 'OK')];
      expect((await send(lab, 'POST', 'ServiceRequest', placed)).status).toBe(201);
      const stored = await until(
        () => messages(lab),
        (found) => found.length === 2 && found.every(isDone),
      );
      expect(stored.map(({ status }) => status).toSorted()).toEqual(['failed', 'sent']);
    },
    120_000,
  );

  test.concurrent(
    'enhanced mode: accepted with CA, the application answers later on the connection or to our listener',
    async () => {
      const facility = `E${randomBytes(4).toString('hex')}`;
      const [lab, peer] = await Promise.all([makeLaboratory(), peerOf()]);
      const out = { to: `mllp://127.0.0.1:${peer.port}`, send: adt, acknowledgement: 'enhanced' } as const;
      const both = { name: 'both', address: 'mllp://localhost', allowed: ['loopback'], facility, out };
      expect((await send(lab, 'POST', 'Endpoint', interfaceEndpoint(both))).status).toBe(201);
      peer.react = (one) => [answerTo(one, 'CA')];
      for (const number of [1, 2, 3]) await create(lab, number);
      const taken = await peer.wait(3);
      expect(taken.map((one) => [field(one, 'MSH', 15), field(one, 'MSH', 16)])).toEqual(Array(3).fill(['AL', 'AL']));
      await until(
        () => messages(lab),
        (found) => found.length === 3 && found.every(({ status }) => status === 'accepted'),
      );
      const [first, second, third] = taken;
      if (first === undefined || second === undefined || third === undefined) throw new Error('no messages');
      peer.say(answerTo(first, 'AA'));
      const listener = await openSender(testServer().hl7Port);
      const later = (one: Taken, code: string): string =>
        answerTo(one, code).replace('|HOSP|', `|${facility}|`).replace('|P|2.5.1', '|P|2.5.1|||AL|NE');
      expect(codeOf((await listener.send(later(second, 'AE')))[0])).toBe('CA');
      expect(codeOf((await listener.send(later({ ...third, controlId: 'unknown' }, 'AA')))[0])).toBe('CR');
      listener.close();
      const stored = await until(
        () => messages(lab),
        (found) => found.filter(({ status }) => status === 'accepted').length === 1,
      );
      const byId = new Map(stored.map(({ controlId, status }) => [controlId, status]));
      expect(taken.map(({ controlId }) => byId.get(controlId))).toEqual(['sent', 'failed', 'accepted']);
      // Of the third it says nothing for a day.
      await testDatabase().query(
        lab.tenant.id,
        sql`update message set finished = finished - interval '25 hours' where tenant_id = ${lab.tenant.id} and status = 'accepted'`,
      );
      await until(
        () => messages(lab),
        (found) => !found.some(({ status }) => status === 'accepted'),
      );
      const silent = await until(
        async () => (await tasksOf(lab)).filter(({ description }) => /24 hours/.test(String(description))),
        (found) => found.length === 1,
      );
      expect(silent[0]).toMatchObject({ status: 'ready' });
      const stalled = await until(
        () => eventsOf(lab),
        (found) => found.some(({ kind }) => kind === 'interface-stalled'),
      );
      expect(stalled.filter(({ kind }) => kind === 'interface-stalled').length).toBe(1);
      peer.say(answerTo(third, 'AA'));
      await until(
        async () => (await tasksOf(lab)).filter(({ description }) => /24 hours/.test(String(description))),
        ([one]) => one?.['status'] === 'completed',
      );
      const ended = new Map((await messages(lab)).map(({ controlId, status }) => [controlId, status]));
      expect(taken.map(({ controlId }) => ended.get(controlId))).toEqual(['sent', 'failed', 'sent']);
    },
    120_000,
  );

  test.concurrent(
    'a report that is released is told with all that belongs to it; only versions that meet the rule are',
    async () => {
      const rule = ['DiagnosticReport?status=final,corrected', 'Observation?status=entered-in-error'].map(
        (criteria) => ({
          ...{ message: 'ORU^R01', criteria },
        }),
      );
      const { lab, peer } = await bench({ send: rule });
      const other = await makeLaboratory();
      const pdf = Buffer.from('%PDF-1.4').toString('base64');
      const bundle = {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          { resource: { ...patient('R-1'), id: 'p' }, request: { method: 'PUT', url: 'Patient/p' } },
          {
            resource: {
              resourceType: 'Observation',
              ...{ id: 'k', status: 'final', code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] } },
              subject: { reference: 'Patient/p' },
              valueQuantity: { value: 4.1, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
            },
            request: { method: 'PUT', url: 'Observation/k' },
          },
          { resource: report('preliminary', pdf), request: { method: 'PUT', url: 'DiagnosticReport/r' } },
        ],
      };
      const body = JSON.stringify(bundle).replace('"value":4.1,', '"value":4.10,');
      const headers = { 'content-type': 'application/fhir+json' };
      for (const one of [lab, other]) expect((await one.fetch('', { method: 'POST', headers, body })).status).toBe(200);
      for (const status of ['final', 'corrected', 'cancelled']) {
        expect((await send(lab, 'PUT', 'DiagnosticReport/r', report(status, pdf))).status).toBe(200);
      }
      const taken = await peer.wait(2);
      expect(taken.map((one) => field(one, 'OBR', 25))).toEqual(['F', 'C']);
      expect(taken[0]?.text).toContain('\rOBX|1|NM|2823-3^^LN||4.10|mmol/L^mmol/L^UCUM|||||F\r');
      expect(taken[0]?.text).toContain(`|^AP^PDF^Base64^${pdf}|`);
      // The document as a Binary, and a result that is withdrawn after its report.
      const binary = { resourceType: 'Binary', id: 'doc', contentType: 'application/pdf', data: pdf };
      expect((await send(lab, 'PUT', 'Binary/doc', binary)).status).toBe(201);
      const form = [{ contentType: 'application/pdf', url: 'Binary/doc' }];
      const linked = { ...report('final', pdf), presentedForm: form };
      expect((await send(lab, 'PUT', 'DiagnosticReport/r', linked)).status).toBe(200);
      expect((await peer.wait(3))[2]?.text).toContain(`|^AP^PDF^Base64^${pdf}|`);
      const result = JSON.parse(await (await lab.fetch('Observation/k')).text()) as object;
      const wrong = { ...result, status: 'entered-in-error' };
      expect((await send(lab, 'PUT', 'Observation/k', wrong)).status).toBe(200);
      expect((await peer.wait(4))[3]?.text).toMatch(/\rOBX\|1\|NM\|2823-3[^\r]*\|W\r/);
      await until(
        () => queueStatuses(session(lab)),
        ([one]) => one?.waiting === 0,
      );
      expect((await messages(lab)).length).toBe(4);
      // The laboratory beside it has no interface: nothing is noted, and nothing of the other is seen.
      expect([await messages(other), await queueStatuses(session(other))]).toEqual([[], []]);
      expect(peer.taken.length).toBe(4);
    },
    120_000,
  );

  test.concurrent(
    'what is about a patient whose data are restricted is not told',
    async () => {
      const { lab, peer } = await bench({ send: [{ message: 'ORU^R01', criteria: 'DiagnosticReport' }] });
      const [shut, open] = [await create(lab, 'shut'), await create(lab, 'open')];
      const dpo = await officer(lab.tenant);
      const asked = parameters({ reason: 'Request 3.' });
      expect((await send(dpo, 'POST', `Patient/${shut}/$restrict`, asked)).status).toBe(201);
      for (const id of [shut, open]) {
        const subject = { reference: `Patient/${id}` };
        const body = { resourceType: 'DiagnosticReport', status: 'final', code: { text: 'K' }, subject };
        expect((await send(lab, 'POST', 'DiagnosticReport', body)).status).toBe(201);
      }
      const [first] = await peer.wait(1);
      expect(field(first, 'PID', 3)).toBe('open^^^MRN');
      await until(
        () => queueStatuses(session(lab)),
        ([one]) => one?.waiting === 0,
      );
      expect((await messages(lab)).length).toBe(1);
    },
    120_000,
  );

  test.concurrent(
    'a change that cannot be a message is told by an event and a Task, and holds up nothing',
    async () => {
      const { lab, peer } = await bench();
      const nameless = await send(lab, 'POST', 'Patient', { resourceType: 'Patient', name: [{ family: 'Ali' }] });
      const { id } = (await nameless.json()) as { id: string };
      await create(lab, 'next');
      expect(field((await peer.wait(1))[0], 'PID', 3)).toBe('next^^^MRN');
      const [task] = await until(
        () => tasksOf(lab),
        (found) => found.length > 0,
      );
      expect(task).toMatchObject({ status: 'ready', focus: { reference: `Patient/${id}` } });
      expect(task?.['description']).toContain('PID-3');
      const kinds = (await eventsOf(lab)).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'message-not-sent')).toHaveLength(1);
    },
    120_000,
  );

  test.concurrent(
    'an address that the operator has not allowed is not gone to',
    async () => {
      const lab = await makeLaboratory();
      await addInterface(lab, { to: 'mllp://[::1]:9', send: adt });
      await create(lab, 1);
      const [status] = await until(
        () => queueStatuses(session(lab)),
        ([one]) => one?.failure !== undefined,
      );
      expect(status?.failure).toContain('INTERFACE_NETWORKS');
    },
    120_000,
  );

  test.concurrent(
    'what an interface wrote itself is not told to it',
    async () => {
      const made = await makeBench();
      const { lab, sender } = made;
      const peer = await peerOf();
      const [entry] = ((await (await lab.fetch('Endpoint')).json()) as { entry: { resource: { id: string } }[] }).entry;
      const id = entry?.resource.id ?? '';
      const out = { to: `mllp://127.0.0.1:${peer.port}`, send: adt };
      const settings = { name: 'x', address: 'mllp://localhost', allowed: ['loopback'], facility: made.facility, out };
      expect((await send(lab, 'PUT', `Endpoint/${id}`, { ...interfaceEndpoint(settings), id })).status).toBe(200);
      const pid = 'PID|1||77^^^MRN^MR||Ali^Omar';
      expect(codeOf((await sender.send(message(made, 'ADT^A04', 'a1', pid)))[0])).toBe('AA');
      sender.close();
      await create(lab, 'own');
      const [first] = await peer.wait(1);
      expect(field(first, 'PID', 3)).toBe('own^^^MRN');
    },
    120_000,
  );

  test.each([
    ['send', { send: [{ message: 'ZZZ^Z01', criteria: 'Patient' }] }],
    ['send', { send: [{ message: 'ORU^R01', criteria: 'Patient' }] }],
    ['version', { version: '3.0' as never }],
    ['to', { to: 'http://127.0.0.1:80' }],
    ['nonsense', { send: [{ message: 'ADT^A28', criteria: 'Patient?nonsense=1' }] }],
  ])('a rule that cannot be followed is refused: %s', async (named, out) => {
    const lab = await makeLaboratory();
    const given = { to: 'mllp://127.0.0.1:9', send: adt, ...out };
    const answer = await send(
      lab,
      'POST',
      'Endpoint',
      interfaceEndpoint({ name: 'x', address: 'mllp://localhost', allowed: [], out: given }),
    );
    expect([answer.status >= 400, (await answer.text()).includes(named)]).toEqual([true, true]);
  });
});

function report(status: string, data: string): object {
  return {
    resourceType: 'DiagnosticReport',
    ...{ id: 'r', status, code: { text: 'Electrolytes' } },
    subject: { reference: 'Patient/p' },
    result: [{ reference: 'Observation/k' }],
    presentedForm: [{ contentType: 'application/pdf', data }],
  };
}

async function tasksOf(lab: Laboratory): Promise<Record<string, unknown>[]> {
  const answer = await lab.fetch('Task?code=urn:makhbar:task|message-error');
  const { entry = [] } = (await answer.json()) as { entry?: { resource: Record<string, unknown> }[] };
  return entry.map(({ resource }) => resource);
}
