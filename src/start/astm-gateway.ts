/** The gateway of analyzers: ASTM on the port that all laboratories share, and on those of interfaces' own. */
import type { Config } from '../config.ts';
import { applied } from '../gateways/astm/applied.ts';
import { loadDrivers } from '../gateways/astm/drivers.ts';
import { roomOfLines, type Gateway, type ServedAstm } from '../gateways/astm/gateway.ts';
import { listenAstm, type AstmListener } from '../gateways/astm/listener.ts';
import { readAstmInterface } from '../gateways/astm/settings.ts';
import { isOpened, openLine, stateOf, type OpenedLine } from '../gateways/astm/lines.ts';
import { turnOf, watchInterfaces } from '../gateways/interfaces.ts';
import { makeRefusals } from '../gateways/refusals.ts';
import { recover } from '../gateways/recover.ts';
import { makeTurns } from '../gateways/turns.ts';
import type { Server } from '../request.ts';
import { makeOwnPorts } from './own-ports.ts';

/** Milliseconds after which what the database did not take is tried again. */
const recoverEvery = 30_000;

export interface AstmGateway {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startAstm(config: Config, server: Server): Promise<AstmGateway> {
  // Its own turns: what analyzers send holds up no other gateway.
  const gateway: Gateway = { server, turns: makeTurns(), drivers: loadDrivers(), room: roomOfLines() };
  const interfaces = await watchInterfaces(server, readAstmInterface, () => follow());
  const refused = makeRefusals(server, 'astm');
  const lines = new Map<string, OpenedLine>();
  const listenTo = (named: number, port: number, secure: boolean): Promise<AstmListener> => {
    if (secure && config.tls === undefined) throw new Error('TLS_KEY and TLS_CERT are not set.');
    const tls = secure ? config.tls : undefined;
    return listenAstm(gateway, { interfaces, named, port, host: config.host, tls });
  };
  const ports = makeOwnPorts(
    () => interfaces.ports(),
    async ({ port, secure }) => listenTo(port, port, secure),
    server.log,
  );
  const follow = async (): Promise<void> => {
    await followLines(interfaces.all().filter(isOpened), lines, (served) => openLine(gateway, { served, refused }));
    await ports.follow();
  };
  const replay = (_: Server, served: ServedAstm, stored: Parameters<typeof applied>[2]): Promise<boolean> =>
    applied(gateway, served, stored);
  const recovering = { interfaces, turns: gateway.turns, replay };
  await recover(server, recovering);
  const common = await listenTo(0, config.astmPort, false);
  await follow();
  const again = setInterval(() => void recover(server, recovering), recoverEvery).unref();
  server.log.info({ port: common.address.port }, 'ASTM gateway listens');
  return {
    port: common.address.port,
    stop: async () => {
      clearInterval(again);
      await interfaces.stop();
      await Promise.all([...lines.values()].map((line) => line.stop()));
      await Promise.all([common, ports].map((listening) => listening.stop()));
    },
  };
}

/** Lines that the server opens itself: one for each interface as it is now. */
async function followLines(
  wanted: readonly ServedAstm[],
  lines: Map<string, OpenedLine>,
  open: (served: ServedAstm) => OpenedLine,
): Promise<void> {
  const now = new Map(wanted.map((served) => [turnOf(served), served]));
  for (const [key, line] of lines) {
    const served = now.get(key);
    if (served !== undefined && stateOf(served) === line.state) continue;
    lines.delete(key);
    await line.stop();
  }
  for (const [key, served] of now) if (!lines.has(key)) lines.set(key, open(served));
}
