/** The HTTP role: what all requests share, put together, and the listening server with an orderly end. */
import cluster from 'node:cluster';
import { createSecretKey, hkdfSync } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { folderFiles } from '../files/folder.ts';
import { s3Files } from '../files/s3.ts';
import type { FileStore } from '../files/store.ts';
import { createHttp } from '../http/app.ts';
import { makeRateLimiter } from '../http/rate-limit.ts';
import { makeAuthenticate } from '../identity/caller.ts';
import type { Log } from '../log.ts';
import { makeMetrics } from '../metrics.ts';
import type { Server } from '../request.ts';
import { makeRefusals } from '../interactions/refusals.ts';
import { warmUp } from '../interactions/warm-up.ts';
import { followOrders } from '../operations/laboratory/orders-follow.ts';
import { feedLags } from '../store/audit-feeds.ts';
import { combinedEvents } from '../store/audit.ts';
import { agentNumbers } from '../store/audit-agents.ts';
import { makeCombiner } from '../store/combine.ts';
import { queueLags } from '../store/outbox.ts';
import { drawingApart } from '../reports/pdf/apart.ts';
import { isMigrated } from '../store/migrate.ts';
import type { Database } from '../store/pool.ts';
import { combinedReads } from '../store/read.ts';
import { readyStatements } from '../store/visible.ts';
import { makeTenantCache } from '../store/tenant-cache.ts';
import { combinedCreations, combinedWrites } from '../store/write.ts';
import { makeMeter } from '../usage/meter.ts';
import { announceProcess } from './announce-process.ts';
import type { Opened } from './database.ts';
import { identityHandler } from './identity.ts';
import { askParent } from './worker-metrics.ts';

export interface Part {
  /** Where it can be reached, if it can. */
  readonly address?: AddressInfo;
  /** Where the HL7 v2 gateway listens, if it does. */
  readonly hl7Port?: number;
  readonly astmPort?: number;
  stop(): Promise<void>;
}

export async function startHttp(config: Config, { database }: Opened, log: Log): Promise<Part> {
  const metrics = makeMetrics(
    database.load,
    { feeds: () => feedLags(database), queues: () => queueLags(database) },
    cluster.isWorker ? askParent() : undefined,
  );
  let stopping = false;
  const server = shared(config, database, log);
  const refusals = makeRefusals(server);
  const http = createHttp({
    server,
    tenants: makeTenantCache(database),
    limiter: makeRateLimiter(),
    refusals,
    authenticate: makeAuthenticate(database),
    identity: identityHandler(config, { database, server, refusals }),
    observe: (seen) => {
      metrics.observe(seen);
      log.info({ ...seen, milliseconds: Math.round(seen.milliseconds * 10) / 10 }, 'request');
    },
    ready: async () => {
      if (stopping) throw outcomeError('transient', 'stopping');
      if (!(await isMigrated(database))) throw outcomeError('transient', 'not migrated');
    },
    metrics: metrics.text,
    tls: config.tls,
  });
  warmUp();
  const address = await listen(http, config);
  const told = announceProcess(server, 'application-start');
  const stop = async (): Promise<void> => {
    stopping = true;
    await drain(http, config.drainTimeout);
    await told;
    await server.drawing.stop();
    await refusals.flush();
    await announceProcess(server, 'application-stop');
    await server.usage.flush();
  };
  return { address, stop };
}

/** What all requests and jobs of a process share. */
export function shared(config: Config, database: Database, log: Log): Server {
  return {
    config,
    log,
    database,
    files: fileStore(config),
    drawing: drawingApart(),
    writes: makeCombiner(database, combinedWrites),
    creations: makeCombiner(database, combinedCreations),
    reads: makeCombiner(database, combinedReads),
    ready: makeCombiner(database, readyStatements),
    followOrders,
    events: makeCombiner(database, combinedEvents),
    agentNumber: agentNumbers(database),
    usage: makeMeter(database, log),
    // The same in every process of an installation, so that a cursor made by one is good at another.
    cursorKey: createSecretKey(Buffer.from(hkdfSync('sha256', config.keyEncryptionKey(), '', 'makhbar cursor', 32))),
  };
}

function fileStore(config: Config): FileStore {
  return config.s3 === undefined ? folderFiles(join(config.dataDir, 'files')) : s3Files(config.s3);
}

async function listen(http: HttpServer, config: Config): Promise<AddressInfo> {
  await new Promise<void>((done, fail) => {
    http.once('error', (error: NodeJS.ErrnoException) => fail(listenFailed(error, config)));
    http.listen(config.port, config.host, done);
  });
  return http.address() as AddressInfo;
}

const reasons: Record<string, string> = {
  EADDRINUSE: 'another program listens there; set PORT to another one',
  EACCES: 'this user may not use that port; set PORT to one above 1023',
  EADDRNOTAVAIL: 'this machine does not have that address; correct HOST',
  ENOTFOUND: 'that host name is not known; correct HOST',
};

function listenFailed(error: NodeJS.ErrnoException, config: Config): Error {
  const reason = reasons[error.code ?? ''] ?? error.message;
  return outcomeError('exception', `The server cannot listen on ${config.host}:${config.port}: ${reason}.`);
}

/** Takes no new connection, lets requests under way finish, and cuts what is left after the given time. */
async function drain(http: HttpServer, milliseconds: number): Promise<void> {
  let closed = false;
  const ended = new Promise<void>((done) => http.close(() => done())).then(() => (closed = true));
  const deadline = Date.now() + milliseconds;
  while (!closed && Date.now() < deadline) {
    http.closeIdleConnections();
    await Promise.race([ended, pause(25)]);
  }
  http.closeAllConnections();
  await ended;
}
