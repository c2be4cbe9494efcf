/**
 * What a request was, for the meter: only requests of signed-in callers count, so that nobody outside a laboratory adds
 * to what it uses.
 *
 * Bytes are those of the connection since the request before: headers and refused bodies are paid for too.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Caller, Method } from '../request.ts';
import type { Tenant } from '../store/tenants.ts';
import type { Meter } from '../usage/meter.ts';
import type { RequestClass } from '../usage/metrics.ts';

/** A caller of a laboratory, once both are known. */
export interface Known {
  readonly tenant: Tenant;
  readonly caller: Caller;
}

/** Classes as the paths of interactions/routes.ts have them. */
export function classOf(method: Method, segments: readonly string[]): RequestClass {
  if (segments.some((segment) => segment.startsWith('$'))) return 'operation';
  if (method === 'POST' && segments.at(-1) === '_search') return 'search';
  if (method !== 'GET' && method !== 'HEAD') return 'write';
  return segments.length === 2 || segments.includes('_history') ? 'read' : 'search';
}

interface Traffic {
  read: number;
  written: number;
}

const measured = new WeakMap<Socket, Traffic>();

/** Bytes of this connection since the last call. */
function trafficOf(socket: Socket): Traffic {
  const before = measured.get(socket) ?? { read: 0, written: 0 };
  const now = { read: socket.bytesRead, written: socket.bytesWritten };
  measured.set(socket, now);
  return { read: Math.max(0, now.read - before.read), written: Math.max(0, now.written - before.written) };
}

/** Counts an answered request; `status` 429 is one that a limit refused. */
export function meter(
  usage: Meter,
  request: IncomingMessage,
  { known, status, segments }: { known: Known | undefined; status: number; segments: readonly string[] },
): void {
  // Also where nobody is known: the next request on the connection must not pay for this one.
  const { read, written } = trafficOf(request.socket);
  if (known === undefined || known.caller.client === '') return;
  const { tenant, caller } = known;
  usage.count(
    tenant.id,
    status === 429 ? 'requests-throttled' : `requests-${classOf(request.method as Method, segments)}`,
  );
  usage.count(tenant.id, 'bytes-in', read);
  usage.count(tenant.id, 'bytes-out', written);
  // Accounts have roles; so have machines, in whose name the application itself acts. The operator has none.
  const isPerson = caller.roles.length > 0 && caller.subject !== caller.client;
  if (status !== 429 && isPerson) usage.active(tenant.id, caller.subject);
}
