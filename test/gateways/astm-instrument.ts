/** Connections of analyzers to the gateway, and a laboratory with an interface for them. */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { astmEndpoint } from '../../src/gateways/astm/settings.ts';
import type { Sql } from '../../src/store/sql.ts';
import { listMessages, type StoredMessage } from '../../src/store/messages.ts';
import { analyzer, type Analyzer } from '../astm/simulator.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';

export const fhirJson = { 'content-type': 'application/fhir+json' };

export async function post(lab: Laboratory, resource: Record<string, unknown>): Promise<Record<string, unknown>> {
  const path = String(resource['resourceType']);
  const answer = await lab.fetch(path, { method: 'POST', headers: fhirJson, body: JSON.stringify(resource) });
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

export async function found(lab: Laboratory, query: string): Promise<Record<string, unknown>[]> {
  const answer = await lab.fetch(query);
  if (answer.status !== 200) throw new Error(`${query}: ${answer.status} ${await answer.text()}`);
  const { entry = [] } = (await answer.json()) as { entry?: { resource: Record<string, unknown> }[] };
  return entry.map(({ resource }) => resource);
}

/** Until it holds; the server works in the background. */
export async function until<T>(what: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 120_000;
  for (;;) {
    const value = await what();
    if (holds(value) || Date.now() > end) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
}

type Settings = Partial<Parameters<typeof astmEndpoint>[0]>;

export interface Bench {
  readonly lab: Laboratory;
  /** Id of the Endpoint. */
  readonly endpoint: string;
  /** What H.5 says. */
  readonly sender: string;
}

/** A laboratory with an interface that takes what its sender says; read by the gateway within seconds. */
export async function makeBench(settings: Settings = {}): Promise<Bench> {
  const lab = await makeLaboratory();
  const sender = lab.tenant.name;
  const endpoint = await post(
    lab,
    astmEndpoint({ name: 'Chem', address: 'astm://localhost', allowed: ['loopback'], sender, ...settings }),
  );
  return { lab, endpoint: String(endpoint['id']), sender };
}

export interface Instrument extends Analyzer {
  readonly socket: Socket;
}

export async function openInstrument(port = testServer().astmPort, localAddress = '127.0.0.1'): Promise<Instrument> {
  const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { ...analyzer(socket), socket };
}

/** Messages of the interface that are stored, the newest first. */
export async function stored({ lab, endpoint }: Bench): Promise<StoredMessage[]> {
  const { id: tenant } = lab.tenant;
  const session = { tenant, query: <Row>(statement: Sql) => testDatabase().query<Row>(tenant, statement) };
  return listMessages(session, { interface: endpoint, count: 100 });
}

/** A connection, when the gateway has read the interface; before that the demo laboratory takes what comes. */
export async function openBench(bench: Bench, port = testServer().astmPort): Promise<Instrument> {
  const probe = [`H|\\^&|||${bench.sender}|||||||P|LIS2-A2`, 'L|1|N'];
  for (const end = Date.now() + 120_000; Date.now() < end; await new Promise((done) => setTimeout(done, 300))) {
    const instrument = await openInstrument(port).catch(() => undefined);
    if (instrument === undefined) continue;
    const taken = await Promise.race([
      instrument.send(probe),
      new Promise<string>((done) => instrument.socket.once('close', () => done(''))),
    ]);
    if (/^A+$/.test(taken) && (await stored(bench)).length > 0) return instrument;
    instrument.socket.destroy();
  }
  throw new Error('The gateway does not read the interface.');
}
