/**
 * Keeps a thread of its own for sealing (sealing-thread.ts): hashing what others did would keep their next requests
 * waiting, and took a fifth of the time of the thread that answers. One that ends by itself is replaced.
 */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Log, LogLevel } from '../log.ts';
import type { Part } from './http.ts';

/** What the thread is given. */
export interface SealingData {
  readonly databaseUrl: string;
  /** Milliseconds. */
  readonly statementTimeout: number;
  /** What the private keys of laboratories are wrapped with. */
  readonly keyEncryptionKey: Uint8Array;
  readonly sealsDir: string | undefined;
  readonly webhookNetworks: readonly string[];
  readonly logLevel: LogLevel;
}

/** Between the end of a thread and its replacement, so that a fault at its start does not become a storm. */
const replaceAfter = 1_000;

/** Megabytes; a seal of 20,000 events needs some 30. */
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };

export function startSealing(data: SealingData, log: Log): Part {
  const stopping = new AbortController();
  const { signal } = stopping;
  const watch = (async () => {
    while (!signal.aborted) {
      await sealInThread(data, signal).catch((error: unknown) => log.error({ err: error }, 'sealing thread ended'));
      await pause(replaceAfter, undefined, { signal, ref: false }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await watch;
    },
  };
}

/** Until it was told to stop and has stopped. @throws what ended it before */
async function sealInThread(data: SealingData, signal: AbortSignal): Promise<void> {
  const thread = new Worker(new URL('./sealing-thread.ts', import.meta.url), { workerData: data, resourceLimits });
  thread.unref();
  const ended = once(thread, 'exit');
  const stop = (): void => {
    thread.ref();
    thread.postMessage('stop');
  };
  signal.addEventListener('abort', stop);
  try {
    const [code] = (await ended) as [number];
    if (!signal.aborted) throw new Error(`The sealing thread ended with ${code}.`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
