/** Laboratories with an ASTM interface of their own on the shared port: known by an address of this machine that no other has. */
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { astmEndpoint } from '../../src/gateways/astm/settings.ts';
import { analyzer, type Analyzer } from '../astm/simulator.ts';
import { listMessages } from '../../src/store/messages.ts';
import { makeLaboratory, testDatabase, testServer, type Laboratory } from '../server.ts';

export interface AstmBench {
  readonly lab: Laboratory;
  readonly endpoint: string;
  readonly address: string;
  /** A connection of the analyzer. */
  open(): Promise<{ readonly analyzer: Analyzer; readonly socket: Socket }>;
}

/** An address of 127.0.0.0/8 that no other bench has: files of one worker have the same process and modules of their own. */
function ownAddress(): string {
  return `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
}

/** @param resources what the interface names, which must be there first */
export async function makeAstmBench(
  more: Partial<Parameters<typeof astmEndpoint>[0]> = {},
  resources: readonly Json[] = [],
): Promise<AstmBench> {
  const lab = await makeLaboratory();
  for (const resource of resources) await post(lab, resource);
  const address = ownAddress();
  const settings = { name: 'Analyzer', address: 'astm://localhost', allowed: [address], zone: 'Asia/Riyadh', ...more };
  const { id } = await post(lab, astmEndpoint(settings));
  const bench: AstmBench = { lab, endpoint: String(id), address, open: () => opened(address) };
  if (settings.address === 'astm://localhost') await untilServed(bench);
  return bench;
}

/** Before it is read the interface of the example laboratory takes whoever is on this machine. */
async function untilServed({ lab, open }: AstmBench): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(200)) {
    const { analyzer: asking, socket } = await open();
    await asking.send(['H|\\^&|||Probe', `Q|1|^probe-${Date.now()}||ALL||||||||O`, 'L|1|N']);
    socket.destroy();
    if ((await listMessages(sessionOf(lab), { count: 1 })).length > 0) return;
  }
  throw new Error('The interface did not begin to work.');
}

export function sessionOf({ tenant }: Laboratory): Parameters<typeof listMessages>[0] {
  return { tenant: tenant.id, query: (statement) => testDatabase().query(tenant.id, statement) };
}

async function opened(localAddress: string): Promise<{ analyzer: Analyzer; socket: Socket }> {
  const socket = connect({ port: testServer().astmPort, host: '127.0.0.1', localAddress });
  await once(socket, 'connect');
  return { analyzer: analyzer(socket), socket };
}

const command = new URL('../../src/command/makhbar.js', import.meta.url).pathname;

/** The command line, beside the running server. */
export function makhbar(...args: readonly string[]): Promise<{ code: unknown; out: string; err: string }> {
  const { databaseUrl, dataDir, hl7Port, astmPort } = testServer();
  const places = { DATABASE_URL: databaseUrl, DATA_DIR: dataDir, HL7_PORT: `${hl7Port}`, ASTM_PORT: `${astmPort}` };
  const env = { ...process.env, ...places, INTERFACE_NETWORKS: '127.0.0.1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { env }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    );
  });
}

export type Json = Record<string, unknown>;

export async function post(lab: Laboratory, resource: Json | object, method = 'POST', path?: string): Promise<Json> {
  const type = String((resource as Json)['resourceType']);
  const answer = await lab.fetch(path ?? type, {
    method,
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(resource),
  });
  if (answer.status >= 300) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Json;
}

export async function found(lab: Laboratory, query: string): Promise<Json[]> {
  const answer = (await (await lab.fetch(query)).json()) as { entry?: { resource: Json }[] };
  return (answer.entry ?? []).map(({ resource }) => resource);
}

/** Until there are so many. */
export async function until(lab: Laboratory, query: string, count = 1): Promise<Json[]> {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause(100)) {
    const all = await found(lab, query);
    if (all.length >= count) return all;
  }
  throw new Error(`${query}: not ${count} in time`);
}

/** A patient with a specimen and orders for these tests of LOINC. */
export async function ordered(
  lab: Laboratory,
  number: string,
  codes: readonly string[],
): Promise<{ patient: string; orders: string[] }> {
  const { id: patient } = await post(lab, {
    resourceType: 'Patient',
    identifier: [{ system: 'urn:example:mrn', value: `MRN-${number}` }],
    name: [{ family: 'حداد', given: ['Samir'] }],
    birthDate: '1980-05-06',
    gender: 'male',
  });
  const subject = { reference: `Patient/${String(patient)}` };
  const { id: specimen } = await post(lab, {
    resourceType: 'Specimen',
    accessionIdentifier: { system: 'urn:example:accession', value: number },
    status: 'available',
    subject,
  });
  const orders: string[] = [];
  for (const code of codes) {
    const { id } = await post(lab, {
      resourceType: 'ServiceRequest',
      status: 'active',
      intent: 'order',
      code: { coding: [{ system: 'http://loinc.org', code }] },
      subject,
      specimen: [{ reference: `Specimen/${String(specimen)}` }],
    });
    orders.push(String(id));
  }
  return { patient: String(patient), orders };
}
