/** `makhbar interface add|list`: the HL7 v2 interfaces of a laboratory; each is an Endpoint. */
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { contextOf } from '../gateways/gateway.ts';
import { readServed } from '../gateways/hl7v2/interfaces.ts';
import { interfaceEndpoint, type Interface } from '../gateways/hl7v2/settings.ts';
import { resourceBody } from '../gateways/request.ts';
import { newId } from '../interactions/new-id.ts';
import { createLog } from '../log.ts';
import { serve } from '../serve.ts';
import { shared } from '../start/http.ts';
import { findTenant } from '../store/tenants.ts';
import { print, withDatabase, type Output } from './connect.ts';

export interface InterfaceOptions extends Output {
  name: string;
  allow: string[];
  port?: number;
  application?: string;
  facility?: string;
  charset?: string;
  zone?: string;
  storeOnly?: string[];
  conceptMap?: string[];
  tls?: boolean;
  clientCertificate?: string[];
}

export async function addInterfaceCommand(tenantName: string, options: InterfaceOptions): Promise<void> {
  const { name, allow, port, application, facility, charset, zone, storeOnly, conceptMap, tls, clientCertificate } =
    options;
  if (port === undefined && (tls === true || clientCertificate !== undefined)) {
    throw outcomeError('invalid', 'TLS needs a port of its own: name it with --port.');
  }
  if (clientCertificate !== undefined && tls !== true) {
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
    ...(clientCertificate !== undefined && { clientCertificates: clientCertificate }),
    ...(conceptMap !== undefined && { conceptMaps: conceptMap }),
  });
  const location = await withDatabase(async (database, config) => {
    const tenant = await findTenant(database, tenantName);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${tenantName}".`);
    const server = shared(config, database, createLog('silent'));
    const caller = operatorCaller({ subject: 'operator', client: 'makhbar', scopes: parseScopes('system/Endpoint.c') });
    const context = contextOf(server, { tenant, caller, requestId: newId(), address: '' });
    const body = resourceBody(resource);
    const answer = await serve(context, { method: 'POST', segments: ['Endpoint'], query: [], headers: {}, body });
    await server.usage.flush();
    return answer.headers?.['location'] ?? '';
  });
  const [, id = ''] = /Endpoint\/([^/]+)/.exec(location) ?? [];
  print(options, { id, name }, `Endpoint/${id} is there; running gateways take its messages within five seconds.`);
}

export async function listInterfacesCommand(tenantName: string, options: Output): Promise<void> {
  const found = await withDatabase(async (database, config) => {
    const tenant = await findTenant(database, tenantName);
    if (tenant === undefined) throw outcomeError('not-found', `There is no laboratory named "${tenantName}".`);
    const server = shared(config, database, createLog('silent'));
    return (await readServed(server, tenant)).map((one) => one.interface);
  });
  print(options, found, found.length === 0 ? 'There is no interface.' : found.map(line).join('\n'));
}

function line({ id, name, port, allowed, application, facility }: Interface): string {
  const from = [application, facility].filter((part) => part !== '').join('|') || 'any application';
  return `${id}  ${name}  ${port === 0 ? 'shared port' : `port ${port}`}  ${from}  from ${allowed.join(', ') || 'nobody'}`;
}
