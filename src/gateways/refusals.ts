/**
 * Connections that were refused, told to the laboratories whose interface they may have meant: at most `mostTold` of a
 * port, and one event a minute for a laboratory and an address, however many there were.
 */
import { announce } from '../interactions/announce.ts';
import type { Server } from '../request.ts';
import type { Registered, Served } from './interfaces.ts';

const mostTold = 10;
const told = 60_000;
/** Addresses remembered; past them all are forgotten. */
const mostAddresses = 10_000;

export type Meant = Served<Registered>;
export type Refused = (peer: string, meant: readonly Meant[], reason: string) => void;

export function makeRefusals(server: Server, gateway: 'hl7v2' | 'astm'): Refused {
  const recent = new Map<string, number>();
  return (peer, meant, reason) => {
    const laboratories = [...new Map(meant.map((one) => [one.tenant.id, one])).values()].slice(0, mostTold);
    const now = Date.now();
    for (const served of laboratories) {
      const key = `${served.tenant.id} ${peer}`;
      if (now - (recent.get(key) ?? 0) < told) continue;
      if (recent.size >= mostAddresses) recent.clear();
      recent.set(key, now);
      server.log.warn({ gateway, port: served.interface.port }, 'connection refused');
      tell(server, served, { peer, reason }).catch((error: unknown) =>
        server.log.error({ err: error }, 'a refusal is not in the audit log'),
      );
    }
  };
}

function tell(
  server: Server,
  { tenant, interface: meant }: Meant,
  why: { peer: string; reason: string },
): Promise<void> {
  const name = `Endpoint/${meant.id}`;
  return announce(server, tenant, {
    kind: 'message-refused',
    outcome: 4,
    reason: why.reason,
    agent: { subject: name, client: name },
    address: why.peer.replace(/^::ffff:/, ''),
  });
}
