/** The role of gateways: analyzers (astm-gateway.ts), and HL7 v2 over MLLP, on the port that all laboratories share and on those of interfaces' own. */
import type { Config } from '../config.ts';
import { replay } from '../gateways/hl7v2/applied.ts';
import { watchInterfaces } from '../gateways/hl7v2/interfaces.ts';
import { listen } from '../gateways/hl7v2/listener.ts';
import { recover } from '../gateways/recover.ts';
import { isSending, sendingOf } from '../gateways/hl7v2/sendings.ts';
import { startOutbox } from '../gateways/outbox.ts';
import { makeTurns } from '../gateways/turns.ts';
import type { Log } from '../log.ts';
import { startAstm } from './astm-gateway.ts';
import type { Opened } from './database.ts';
import { shared, type Part } from './http.ts';
import { makeOwnPorts } from './own-ports.ts';

/** Milliseconds after which what the database did not take is tried again. */
const recoverEvery = 30_000;

export async function startGateways(config: Config, { database }: Opened, log: Log): Promise<Part> {
  const server = shared(config, database, log);
  const turns = makeTurns();
  const interfaces = await watchInterfaces(server, () => ports.follow());
  const ports = makeOwnPorts(
    () => interfaces.ports(),
    async ({ port, secure }) => {
      if (secure && config.tls === undefined) throw new Error('TLS_KEY and TLS_CERT are not set.');
      const tls = secure ? config.tls : undefined;
      return listen(server, { interfaces, turns, named: port, port, host: config.host, tls });
    },
    log,
  );
  await recover(server, { interfaces, turns, replay });
  const common = await listen(server, { interfaces, turns, named: 0, port: config.hl7Port, host: config.host });
  await ports.follow();
  const outbox = startOutbox(server, () =>
    interfaces
      .all()
      .filter(isSending)
      .map((served) => sendingOf(server, served)),
  );
  const again = setInterval(() => void recover(server, { interfaces, turns, replay }), recoverEvery).unref();
  log.info({ port: common.address.port }, 'HL7 v2 gateway listens');
  const astm = await startAstm(config, server);
  return {
    astmPort: astm.port,
    hl7Port: common.address.port,
    stop: async () => {
      clearInterval(again);
      await interfaces.stop();
      await astm.stop();
      await outbox.stop();
      await Promise.all([common, ports].map((listening) => listening.stop()));
      await server.usage.flush();
    },
  };
}
