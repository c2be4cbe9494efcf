/**
 * Steps of jobs that move much (bulk export and import) in a thread of their own (bulk-thread.ts), begun with the first of
 * them and ended when there was none for a while: what it costs in memory, an idle server does not have.
 *
 * What they allocate outside the heap made the collector go through the whole heap of the thread that answers, five times
 * a second for 20 to 170 ms: p99 of reads was 4 times as long as without an export.
 */
import { Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { OutcomeError, outcomeError, type Issue } from '../fhir/outcome.ts';
import type { JobContext, Run, Step } from '../jobs/job.ts';

/** What the thread is given. */
export interface BulkData {
  readonly config: Omit<Config, 'keyEncryptionKey'>;
  readonly keyEncryptionKey: Uint8Array;
  readonly databaseUrl: string;
}

export interface Asked extends Omit<Run, 'session'> {
  readonly number: number;
}

/** A failure that says what it is comes with its issues; any other was logged there. */
export type Told = { readonly number: number } & ({ readonly step: Step } | { readonly issues: readonly Issue[] });

/** Milliseconds without work after which the thread ends (a guess: its start takes a second). */
const idleFor = 60_000;

/** Megabytes; a batch of an import needs some 100. More than this ends the thread, and the step is tried again. */
const resourceLimits = { maxOldGenerationSizeMb: 1_024, maxYoungGenerationSizeMb: 32 };

interface Waiting {
  resolve(step: Step): void;
  reject(error: Error): void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  readonly ended: Promise<void>;
  idle: NodeJS.Timeout | undefined;
}

export interface Bulk {
  readonly apart: NonNullable<JobContext['apart']>;
  stop(): Promise<void>;
}

export function bulkThread(data: BulkData): Bulk {
  let thread: Thread | undefined;
  let number = 0;
  const end = (): Promise<void> => {
    const ending = thread;
    thread = undefined;
    ending?.worker.ref();
    ending?.worker.postMessage('stop');
    return ending?.ended ?? Promise.resolve();
  };
  return {
    apart: (run) =>
      new Promise<Step>((resolve, reject) => {
        const current = (thread ??= begin(data, (gone) => {
          if (thread === gone) thread = undefined;
        }));
        clearTimeout(current.idle);
        number += 1;
        const asked: Asked = { ...run, number };
        const rest = (): void => {
          if (current.waiting.size === 0 && thread === current)
            current.idle = setTimeout(() => void end(), idleFor).unref();
        };
        current.waiting.set(number, {
          resolve: (step) => (rest(), resolve(step)),
          reject: (error) => (rest(), reject(error)),
        });
        current.worker.postMessage(asked);
      }),
    stop: end,
  };
}

function begin(data: BulkData, gone: (thread: Thread) => void): Thread {
  const worker = new Worker(new URL('./bulk-thread.ts', import.meta.url), { workerData: data, resourceLimits });
  const waiting = new Map<number, Waiting>();
  worker.on('message', (told: Told) => {
    const one = waiting.get(told.number);
    waiting.delete(told.number);
    if ('step' in told) one?.resolve(told.step);
    else one?.reject(new OutcomeError(told.issues));
  });
  let reason = '';
  worker.on('error', (error: Error) => (reason = error.message));
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      gone(thread);
      const failure = outcomeError('exception', `The thread of bulk work ended before its step did. ${reason}`.trim());
      waiting.forEach(({ reject }) => reject(failure));
      waiting.clear();
      resolve();
    });
  });
  worker.unref();
  const thread: Thread = { worker, waiting, ended, idle: undefined };
  return thread;
}
