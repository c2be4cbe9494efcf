/** What gateways have in common: the server they speak for, and a context for what an interface does. */
import { makeCaller, type Caller } from '../access/caller.ts';
import { roleFacts } from '../access/role-facts.ts';
import { resolveRoles } from '../access/role-definition.ts';
import { parseScopes } from '../access/scopes.ts';
import { newTrail, untracked } from '../interactions/trail.ts';
import type { Context, Server } from '../request.ts';
import { door } from '../serve.ts';
import type { Session } from '../store/pool.ts';
import { readRoles } from '../store/roles.ts';
import type { Tenant } from '../store/tenants.ts';

/** What the laboratory lets machines do. */
const role = 'interface';

export function sessionOf({ database }: Pick<Server, 'database'>, tenant: Pick<Tenant, 'id'>): Session {
  return { tenant: tenant.id, query: (statement) => database.query(tenant.id, statement) };
}

/** An interface as a caller: it may do what the role `interface` of the laboratory allows. */
export async function interfaceCaller(server: Server, tenant: Tenant, endpoint: string): Promise<Caller> {
  const roles = resolveRoles([role], await readRoles(sessionOf(server, tenant), [role]));
  const name = `Endpoint/${endpoint}`;
  return makeCaller({ subject: name, client: name, scopes: parseScopes('system/*.cruds'), ...roleFacts(roles) });
}

export interface Asking {
  readonly tenant: Tenant;
  readonly caller: Caller;
  readonly requestId: string;
  /** The network address of the peer. */
  readonly address: string;
}

export function contextOf(server: Server, { tenant, caller, requestId, address }: Asking): Context {
  return {
    server,
    tenant,
    caller,
    base: `${server.config.publicUrl ?? ''}/${tenant.name}/fhir`,
    requestId,
    address: /^[0-9A-Za-z.:%[\]_-]{1,64}$/.test(address) ? address.replace(/^::ffff:/, '') : '',
    trail: newTrail(untracked),
    session: sessionOf(server, tenant),
    inTransaction: false,
    door,
  };
}
