/** `makhbar interface add|list`: the HL7 v2 interfaces of a laboratory; each is an Endpoint. */
import { readFile } from 'node:fs/promises';
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { contextOf, sessionOf } from '../gateways/gateway.ts';
import { loadDrivers } from '../gateways/astm/drivers.ts';
import { readServedAstm } from '../gateways/astm/interfaces.ts';
import { astmEndpoint, type AstmInterface } from '../gateways/astm/settings.ts';
import { readServed } from '../gateways/hl7v2/interfaces.ts';
import type { Law } from '../gateways/hl7v2/law/settings.ts';
import { interfaceEndpoint, type Interface } from '../gateways/hl7v2/settings.ts';
import { resourceBody } from '../gateways/request.ts';
import { newId } from '../interactions/new-id.ts';
import { createLog } from '../log.ts';
import type { Server } from '../request.ts';
import { serve } from '../serve.ts';
import { shared } from '../start/http.ts';
import { listRefusals, type Refusals } from '../store/interface-refusals.ts';
import { queueStatuses, type QueueStatus } from '../store/outbox.ts';
import { findTenant, type Tenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';
import { outboundOf, pairOf, peerFiles, setPeerOf, type PeerOptions } from './peer.ts';

export interface InterfaceOptions extends Output, PeerOptions {
  name: string;
  allow?: string[];
  port?: number;
  application?: string;
  facility?: string;
  charset?: string;
  zone?: string;
  storeOnly?: string[];
  patientQueries?: boolean;
  orderAnswers?: boolean;
  quirk?: string[];
  conceptMap?: string[];
  tls?: boolean;
  clientCertificate?: string[];
  clientAuthority?: string[];
  system?: string[];
  law?: boolean;
  astm?: boolean;
  driver?: string;
  sender?: string;
  frame?: number;
  connect?: string;
  serial?: string;
  folder?: string;
  createsPatients?: boolean;
  test?: string[];
  broadcast?: boolean;
  device?: string;
}

export async function addInterfaceCommand(tenantName: string, options: InterfaceOptions): Promise<void> {
  if (options.astm === true) return addAnalyzer(tenantName, options);
  if (options.driver !== undefined || options.sender !== undefined || options.frame !== undefined) {
    throw outcomeError('invalid', '--driver, --sender and --frame are of an analyzer: --astm.');
  }
  const out = outboundOf(options);
  const files = peerFiles(options);
  const {
    name,
    allow = [],
    port,
    application,
    facility,
    charset,
    zone,
    storeOnly,
    patientQueries,
    orderAnswers,
    quirk,
    conceptMap,
    tls,
    clientCertificate,
    clientAuthority = [],
  } = options;
  if (out === undefined && allow.length === 0) {
    throw outcomeError('invalid', 'An interface takes messages (--allow) or sends them (--out), or both.');
  }
  if (port === undefined && (tls === true || clientCertificate !== undefined)) {
    throw outcomeError('invalid', 'TLS needs a port of its own: name it with --port.');
  }
  if ((clientCertificate !== undefined || clientAuthority.length > 0) && tls !== true) {
    throw outcomeError('invalid', 'Certificates of clients need --tls.');
  }
  const resource = interfaceEndpoint({
    name,
    address: port === undefined ? 'mllp://localhost' : `${tls === true ? 'mllps' : 'mllp'}://localhost:${port}`,
    allowed: allow,
    ...(application !== undefined && { application }),
    ...(facility !== undefined && { facility }),
    ...(charset !== undefined && { charset }),
    ...(zone !== undefined && { zone }),
    ...(storeOnly !== undefined && { storeOnly }),
    ...(patientQueries !== undefined && { patientQueries }),
    ...(orderAnswers !== undefined && { orderAnswers }),
    ...(quirk !== undefined && { quirks: quirk }),
    ...(clientCertificate !== undefined && { clientCertificates: clientCertificate }),
    clientAuthorities: await Promise.all(clientAuthority.map((file) => readFile(file, 'utf8'))),
    ...(conceptMap !== undefined && { conceptMaps: conceptMap }),
    systems: Object.fromEntries((options.system ?? []).map((one) => pairOf(one, '--system'))),
    ...(out !== undefined && { out }),
    ...analyzerOf(options),
  });
  const location = await create(tenantName, resource, (server, tenant, id) =>
    out === undefined ? Promise.resolve() : setPeerOf(server, tenant, { id, to: out.to, files }),
  );
  const id = idOf(location);
  print(options, { id, name }, `Endpoint/${id} is there; running gateways take it up within two seconds.`);
}

/** @returns where it is */
async function create(
  tenantName: string,
  resource: JsonObject,
  further: (server: Server, tenant: Tenant, id: string) => Promise<void>,
): Promise<string> {
  return withDatabase(async (database, config) => {
    const tenant = await findTenant(database, tenantName);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${tenantName}".`);
    const server = shared(config, database, createLog('silent'));
    const caller = operatorCaller({ subject: 'operator', client: 'makhbar', scopes: parseScopes('system/Endpoint.c') });
    const context = contextOf(server, { tenant, caller, requestId: newId(), address: '' });
    const body = resourceBody(resource);
    const answer = await serve(context, { method: 'POST', segments: ['Endpoint'], query: [], headers: {}, body });
    await server.usage.flush();
    const made = answer.headers?.['location'] ?? '';
    await further(server, tenant, idOf(made));
    return made;
  });
}

async function addAnalyzer(tenantName: string, options: InterfaceOptions): Promise<void> {
  const { name, allow = [], driver, sender, frame, charset, zone, conceptMap, test, device, createsPatients } = options;
  const { broadcast } = options;
  if (driver !== undefined && !loadDrivers().has(driver)) {
    throw outcomeError('not-found', `There is no driver named ${driver.slice(0, 64)}; they are in the folder drivers.`);
  }
  const resource = astmEndpoint({
    ...{ name, allowed: allow, driver, sender, frame, charset, zone, conceptMaps: conceptMap, createsPatients },
    address: analyzerAddress(options),
    law: {
      ...(test !== undefined && { tests: test }),
      ...(device !== undefined && { device }),
      ...(broadcast === true && { broadcast }),
    },
  });
  const id = idOf(await create(tenantName, resource, () => Promise.resolve()));
  print(options, { id, name }, `Endpoint/${id} is there; running gateways take it up within two seconds.`);
}

/** One way: it connects to us, we connect to it, a serial line, or a folder. */
function analyzerAddress({ allow = [], port, tls, connect, serial, folder }: InterfaceOptions): string {
  const ways = [connect, serial, folder].filter((way) => way !== undefined);
  if (ways.length > 1 || (ways.length === 1 && port !== undefined)) {
    throw outcomeError(
      'invalid',
      'An analyzer has one way: --connect, --serial, --folder, or a port on which it connects.',
    );
  }
  if (connect !== undefined) return `${tls === true ? 'tls' : 'tcp'}://${connect}`;
  if (serial !== undefined) return `serial://${serial}`;
  if (folder !== undefined) return `file:${folder}`;
  if (allow.length === 0) throw outcomeError('invalid', 'Name who may connect with --allow.');
  if (port === undefined && tls === true) {
    throw outcomeError('invalid', 'TLS needs a port of its own: name it with --port.');
  }
  return port === undefined ? 'astm://localhost' : `${tls === true ? 'astms' : 'astm'}://localhost:${port}`;
}

/** Of `--law`; what belongs to it is refused without it. */
function analyzerOf({ law, test = [], broadcast, device, out }: InterfaceOptions): { law?: Partial<Law> } {
  const tells = test.length > 0 || broadcast !== undefined || device !== undefined;
  if (law !== true) {
    if (tells) throw outcomeError('invalid', '--test, --broadcast and --device are of an analyzer: --law.');
    return {};
  }
  if (broadcast === true && out === undefined) {
    throw outcomeError('invalid', '--broadcast needs the address to send work to: --out host:port.');
  }
  return { law: { tests: test, broadcast: broadcast === true, ...(device !== undefined && { device }) } };
}

function idOf(location: string): string {
  return /Endpoint\/([^/]+)/.exec(location)?.[1] ?? '';
}

export async function listInterfacesCommand(tenantName: string, options: Output): Promise<void> {
  const found = await withDatabase(async (database, config) => {
    const tenant = await findTenant(database, tenantName);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${tenantName}".`);
    const server = shared(config, database, createLog('silent'));
    const queues = await queueStatuses(sessionOf(server, tenant));
    const refusals = await listRefusals(sessionOf(server, tenant));
    const refusedBy = (id: string): { refused?: Refusals } => {
      const refused = refusals.find((one) => one.interface === id);
      return refused === undefined ? {} : { refused };
    };
    const messages = (await readServed(server, tenant)).map(({ interface: one }) => {
      const queue = one.out && queues.find((status) => status.interface === one.id);
      return { ...one, ...(queue !== undefined && { queue }), ...refusedBy(one.id) };
    });
    const analyzers = (await readServedAstm(server, tenant)).map(({ interface: one }) => one);
    return [...messages, ...analyzers.map((one) => ({ ...one, ...refusedBy(one.id) }))];
  });
  print(
    options,
    found,
    found.length === 0
      ? 'There is no interface.'
      : found.map((one) => `${'driver' in one ? analyzerLine(one) : line(one)}${refusedText(one.refused)}`).join('\n'),
  );
}

type Listed = Interface & { readonly queue?: QueueStatus };

function line({ id, name, port, allowed, application, facility, out, queue }: Listed): string {
  const from = [application, facility].filter((part) => part !== '').join('|') || 'any application';
  const place = port === 0 ? 'shared port' : `port ${port}`;
  const takes = `${id}  ${name}  ${place}  ${from}  from ${allowed.join(', ') || 'nobody'}`;
  return out === undefined ? takes : `${takes}  to ${out.to}  ${queueText(queue)}`;
}

function analyzerLine({ id, name, port, address, allowed, sender, driver }: AstmInterface): string {
  const head = `${id}  ${name}  ASTM ${driver}`;
  // The server opens the line.
  if (port < 0) return `${head}  ${address}`;
  const place = port === 0 ? 'shared port' : `port ${port}`;
  return `${head}  ${place}  ${sender || 'any sender'}  from ${allowed.join(', ') || 'nobody'}`;
}

function refusedText(refused: Refusals | undefined): string {
  if (refused === undefined) return '';
  const { count, reason, peer, last } = refused;
  return `  refused ${count}, last ${last}${peer === '' ? '' : ` from ${peer}`}: ${reason}`;
}

function queueText(queue: QueueStatus | undefined): string {
  if (queue === undefined) return 'nothing sent yet';
  const { waiting, failed, stalled, failure } = queue;
  const counts = `${waiting} waiting, ${failed} given up`;
  return stalled === undefined ? counts : `${counts}, stalled since ${stalled}: ${failure ?? ''}`;
}
