/** What a new installation can be tried with: the starter catalogue, and interfaces that are open to this machine. */
import { operatorCaller } from '../access/caller.ts';
import { parseScopes } from '../access/scopes.ts';
import { thing } from '../audit/security.ts';
import type { Config } from '../config.ts';
import { contextOf } from '../gateways/gateway.ts';
import { astmEndpoint } from '../gateways/astm/settings.ts';
import { interfaceEndpoint } from '../gateways/hl7v2/settings.ts';
import { newId } from '../interactions/new-id.ts';
import type { Log } from '../log.ts';
import { serve } from '../serve.ts';
import type { Database } from '../store/pool.ts';
import { findTenant } from '../store/tenants.ts';
import { loadCatalogue } from './catalogue.ts';
import { shared } from './http.ts';
import { resourceBody } from '../gateways/request.ts';

export async function fillExample(config: Config, database: Database, log: Log, name: string): Promise<void> {
  const tenant = await findTenant(database, name);
  if (tenant === undefined) return;
  const server = shared(config, database, log);
  await loadCatalogue(server, tenant, {
    kind: 'settings-changed',
    deed: 'makhbar start',
    agent: { subject: 'makhbar', client: 'makhbar' },
    further: [thing('setting', 'catalogue')],
  });
  const caller = operatorCaller({ subject: 'makhbar', client: 'makhbar', scopes: parseScopes('system/Endpoint.c') });
  const resources = [
    interfaceEndpoint({ name: 'HL7 v2', address: 'mllp://localhost', allowed: ['loopback'] }),
    astmEndpoint({ name: 'ASTM', address: 'astm://localhost', allowed: ['loopback'] }),
  ];
  for (const resource of resources) {
    const body = resourceBody(resource);
    const context = contextOf(server, { tenant, caller, requestId: newId(), address: '' });
    await serve(context, { method: 'POST', segments: ['Endpoint'], query: [], headers: {}, body });
  }
  await server.usage.flush();
}
