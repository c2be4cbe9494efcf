/**
 * The lines that the server opens itself: to analyzers that listen, serial lines, and folders. One process has a line at a
 * time: the one that holds the lease of the interface (store/outbox.ts); where it dies another takes the line over.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { listOf } from '../../publishing/allowed-address.ts';
import { claimQueue, ensureQueue, releaseQueue, renewQueue, type Held } from '../../store/outbox.ts';
import { connected } from '../connect.ts';
import { sessionOf } from '../gateway.ts';
import { driverOf, type Gateway, type ServedAstm } from './gateway.ts';
import { readTransmission } from './reading.ts';
import { serveLine, type ServingLine } from './serve-line.ts';
import { takeTransmission } from './transmission.ts';
import { dropFolder } from './drop.ts';
import { keepLine } from './keep-line.ts';
import { openSerial } from './serial.ts';

/** Milliseconds between two looks. */
const lookEvery = 1_000;

/** Four signs of life in the time after which a line is another process's; milliseconds. */
function renewEvery({ server }: Gateway): number {
  return server.config.leaseTime / 4;
}

export interface OpenedLine {
  /** Another text after each change of what the line depends on. */
  readonly state: string;
  stop(): Promise<void>;
}

export function isOpened({ interface: { transport } }: ServedAstm): boolean {
  return transport.kind !== 'listen';
}

export function stateOf({ interface: one }: ServedAstm): string {
  return JSON.stringify(one);
}

export interface Opening extends Pick<ServingLine, 'refused'> {
  readonly served: ServedAstm;
}

export function openLine(gateway: Gateway, opening: Opening): OpenedLine {
  const { served } = opening;
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = (async () => {
    while (!signal.aborted) {
      await hold(gateway, opening, signal).catch((error: unknown) =>
        gateway.server.log.warn({ gateway: 'astm', interface: served.interface.id, err: error }, 'line not served'),
      );
      await pause(renewEvery(gateway), undefined, { signal, ref: false }).catch(() => undefined);
    }
  })();
  return {
    state: stateOf(served),
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** Serves the line as long as it is ours. */
async function hold(gateway: Gateway, opening: Opening, signal: AbortSignal): Promise<void> {
  const { served } = opening;
  const session = sessionOf(gateway.server, served.tenant);
  await ensureQueue(session, served.interface.id);
  const held = await claimQueue(session, served.interface.id, gateway.server.config.leaseTime / 1_000);
  if (held === undefined) return;
  const stop = serve(gateway, opening);
  try {
    await untilLost({ gateway, session, held, signal });
  } finally {
    await stop();
    await releaseQueue(session, held).catch(() => undefined);
  }
}

interface Holding {
  readonly gateway: Gateway;
  readonly session: ReturnType<typeof sessionOf>;
  readonly held: Held;
  readonly signal: AbortSignal;
}

async function untilLost({ gateway, session, held, signal }: Holding): Promise<void> {
  const { leaseTime } = gateway.server.config;
  let renewed = performance.now();
  while (!signal.aborted && performance.now() - renewed < leaseTime) {
    await pause(renewEvery(gateway), undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    const begun = performance.now();
    const isOurs = await renewQueue(session, held, leaseTime / 1_000).catch(() => undefined);
    if (isOurs === false) return;
    if (isOurs === true) renewed = begun;
  }
}

/** @returns what ends it */
function serve(gateway: Gateway, opening: Opening): () => Promise<void> {
  const { server } = gateway;
  const { served, refused } = opening;
  const { transport, address } = served.interface;
  const told = (reason: string): void => refused(address, [served], reason);
  const on = (peer: string) => (stream: Duplex) =>
    serveLine(gateway, stream, { ...opening, peer, candidates: () => [served] });
  if (transport.kind === 'folder') return watchFolder(gateway, opening, transport.name);
  if (transport.kind === 'connect') {
    const peer = { address, allowed: listOf(server.config.interfaceNetworks) };
    return keepLine(() => connected(peer), { serve: on(transport.host), told }).stop;
  }
  if (transport.kind !== 'serial') return () => Promise.resolve();
  const { line } = transport;
  if (!server.config.serialLines.includes(`${served.tenant.name}:${line.path}`)) {
    told('The operator has not allowed this serial line (SERIAL_LINES).');
    return () => Promise.resolve();
  }
  return keepLine(() => openSerial(line), { serve: on(line.path), told }).stop;
}

function watchFolder(gateway: Gateway, { served, refused }: Opening, name: string): () => Promise<void> {
  const { server } = gateway;
  const { tenant, interface: own } = served;
  const stopping = new AbortController();
  const { signal } = stopping;
  const folder = join(server.config.dataDir, 'drop', tenant.name, name);
  const drop = dropFolder(folder, {
    take: async (content, file) => {
      const { problem } = readTransmission(driverOf(gateway, own), content, own.charset);
      await takeTransmission(gateway, served, { content, peer: file });
      return problem === undefined ? { kind: 'taken' } : { kind: 'refused', reason: problem.sentence };
    },
    told: (_, reason) => refused(own.address, [served], reason),
    now: Date.now,
  });
  const running = (async () => {
    await mkdir(folder, { recursive: true });
    while (!signal.aborted) {
      await drop.look();
      await pause(lookEvery, undefined, { signal, ref: false }).catch(() => undefined);
    }
  })().catch((error: unknown) => server.log.error({ gateway: 'astm', err: error }, 'folder not watched'));
  return async () => {
    stopping.abort();
    await running;
  };
}
