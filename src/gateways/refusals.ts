/**
 * What gateways refuse (connections, frames, messages), told to the laboratories whose interface it may have been meant for.
 *
 * 1. Each is counted for its interfaces, with the last reason: written every `writtenEvery`, however many there were. A
 *    process that dies loses the counts of that time.
 * 2. One event and one line of the log a minute for a laboratory and an address; at most `mostTold` laboratories of a port.
 * 3. Reasons name the frame, the byte and the rule, never what was sent.
 */
import { announce } from '../interactions/announce.ts';
import type { Server } from '../request.ts';
import { addRefusals, type Refusals } from '../store/interface-refusals.ts';
import { sessionOf } from './gateway.ts';
import type { Registered, Served } from './interfaces.ts';

const mostTold = 10;
/** Of one laboratory, where nothing tells which of them was meant. */
const mostInterfaces = 20;
const told = 60_000;
/** Addresses remembered; past them all are forgotten. */
const mostAddresses = 10_000;
const longestReason = 400;
/** Milliseconds. */
const writtenEvery = 1_000;

export type Meant = Served<Registered>;
export type Refused = (peer: string, meant: readonly Meant[], reason: string) => void;

export function makeRefusals(server: Server, gateway: 'hl7v2' | 'astm'): Refused {
  const recent = new Map<string, number>();
  const count = makeCounts(server);
  return (from, meant, reason) => {
    const peer = from.replace(/^::ffff:/, '');
    const laboratories = Map.groupBy(meant, ({ tenant }) => tenant.id);
    const now = Date.now();
    for (const [tenant, interfaces] of [...laboratories].slice(0, mostTold)) {
      const [served] = interfaces;
      if (served === undefined) continue;
      count(interfaces.slice(0, mostInterfaces), { reason: reason.slice(0, longestReason), peer });
      const key = `${tenant} ${peer}`;
      if (now - (recent.get(key) ?? 0) < told) continue;
      if (recent.size >= mostAddresses) recent.clear();
      recent.set(key, now);
      server.log.warn({ gateway, port: served.interface.port, interface: served.interface.id, reason }, 'refused');
      tell(server, served, { peer, reason }).catch((error: unknown) =>
        server.log.error({ err: error }, 'a refusal is not in the audit log'),
      );
    }
  };
}

type Count = (interfaces: readonly Meant[], why: Pick<Refusals, 'reason' | 'peer'>) => void;

function makeCounts(server: Server): Count {
  let waiting = new Map<string, { readonly served: Meant; readonly refusals: Refusals }>();
  let timer: NodeJS.Timeout | undefined;
  const write = (): void => {
    timer = undefined;
    const laboratories = Map.groupBy(waiting.values(), ({ served }) => served.tenant.id);
    waiting = new Map();
    for (const some of laboratories.values()) {
      const [{ served } = {}] = some;
      if (served === undefined) continue;
      addRefusals(
        sessionOf(server, served.tenant),
        some.map(({ refusals }) => refusals),
      ).catch((error: unknown) => server.log.warn({ err: error }, 'refusals not counted'));
    }
  };
  return (interfaces, why) => {
    for (const served of interfaces) {
      const key = `${served.tenant.id} ${served.interface.id}`;
      const before = waiting.get(key)?.refusals.count ?? 0;
      const refusals = { interface: served.interface.id, count: before + 1, ...why, last: new Date().toISOString() };
      waiting.set(key, { served, refusals });
    }
    timer ??= setTimeout(write, writtenEvery).unref();
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
    address: why.peer,
  });
}
