/**
 * Threads that compare the events of seals with their hashes (verify-thread.ts): a large log keeps no request waiting, and
 * several processors work on it.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PoolOptions } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import type { Finding, Linked } from './findings.ts';

export interface VerifyThreads {
  readonly count: number;
  readonly find: (seals: readonly Linked[]) => Promise<Finding | undefined>;
  stop(): Promise<void>;
}

export interface VerifyData {
  readonly connect: PoolOptions;
  readonly tenant: { readonly id: number; readonly name: string };
}

/** A guess: each has a connection of its own. */
const mostThreads = 4;

/** Megabytes; 20,000 events with their hashes need some 30, but a transaction is read as a whole, whoever wrote it. */
const resourceLimits = { maxOldGenerationSizeMb: 1_024, maxYoungGenerationSizeMb: 32 };

export function verifyThreads(connect: PoolOptions, { id, name }: Tenant): VerifyThreads {
  const count = Math.min(availableParallelism(), mostThreads);
  const workerData: VerifyData = { connect, tenant: { id, name } };
  const threads = Array.from({ length: count }, () => startThread(workerData));
  let next = 0;
  return {
    count,
    find: (seals) => (threads[next++ % count] as Thread).find(seals),
    stop: async () => {
      await Promise.all(threads.map(({ stop }) => stop()));
    },
  };
}

interface Thread {
  readonly find: (seals: readonly Linked[]) => Promise<Finding | undefined>;
  /** After what it was asked for. */
  stop(): Promise<void>;
}

interface Waiting {
  resolve(finding: Finding | undefined): void;
  reject(error: unknown): void;
}

/** Answers come in the order of the questions. */
function startThread(workerData: VerifyData): Thread {
  const worker = new Worker(new URL('./verify-thread.ts', import.meta.url), { workerData, resourceLimits });
  const waiting: Waiting[] = [];
  let ended: Error | undefined;
  worker.on('message', ({ finding, error }: { finding?: Finding; error?: string }) => {
    if (error === undefined) waiting.shift()?.resolve(finding);
    else waiting.shift()?.reject(new Error(error));
  });
  const end = (error: Error): void => {
    ended ??= error;
    for (const one of waiting.splice(0)) one.reject(ended);
  };
  worker.on('error', end);
  worker.on('exit', (code) => end(new Error(`The verifying thread ended with ${code}.`)));
  return {
    find: (seals) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended);
          return;
        }
        waiting.push({ resolve, reject });
        worker.postMessage(seals);
      }),
    stop: async () => {
      if (ended !== undefined) return;
      const exit = once(worker, 'exit');
      worker.postMessage(undefined);
      await exit;
    },
  };
}
