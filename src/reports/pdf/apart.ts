/**
 * Reports are drawn in threads of their own (thread.ts): drawing takes 60 to 90 ms, in which nothing else would be answered.
 *
 * 1. There are `threads` at most, each begun when the others are at work, and ended when there was none for a while.
 * 2. Laboratories take turns; of each `waiting` reports wait at most, one more is refused (503).
 * 3. A thread that ends before its work does, or takes longer than `longest`, fails that one report; the next has another.
 */
import { Worker } from 'node:worker_threads';
import { OutcomeError, outcomeError } from '../../fhir/outcome.ts';
import type { ReportModel } from '../model.ts';

export interface Drawing {
  /** @param laboratory number of the tenant */
  draw(laboratory: number, model: ReportModel): Promise<Buffer>;
  stop(): Promise<void>;
}

export type Told = { readonly pdf: Uint8Array } | { readonly failure: string };

export interface Limits {
  readonly threads: number;
  readonly waiting: number;
  /** Milliseconds. */
  readonly longest: number;
  /** Milliseconds; the first report of a thread takes half a second more. */
  readonly idle: number;
  /** Megabytes of a thread. */
  readonly memory: number;
}

/** Guesses, but for the memory: pages are drawn before they are numbered, and thousand of them take 100 MB. */
const usual: Limits = { threads: 2, waiting: 40, longest: 60_000, idle: 300_000, memory: 384 };

interface Waiting {
  readonly laboratory: number;
  readonly model: ReportModel;
  resolve(pdf: Buffer): void;
  reject(error: Error): void;
}

interface Thread {
  readonly worker: Worker;
  drawn?: Waiting | undefined;
  timer?: NodeJS.Timeout;
}

export function drawingApart(given: Partial<Limits> = {}): Drawing {
  const limits: Limits = { ...usual, ...given };
  const threads = new Set<Thread>();
  /** By laboratory, in the order in which it is their turn. */
  const queues = new Map<number, Waiting[]>();

  const next = (): Waiting | undefined => {
    const [first] = queues;
    if (first === undefined) return undefined;
    const [laboratory, queue] = first;
    const one = queue.shift();
    queues.delete(laboratory);
    if (queue.length > 0) queues.set(laboratory, queue);
    return one;
  };

  const work = (): void => {
    if (queues.size === 0) return;
    const free = [...threads].find(({ drawn }) => drawn === undefined);
    const thread = free ?? (threads.size < limits.threads ? begin(limits, ended, rest) : undefined);
    if (thread === undefined) return;
    threads.add(thread);
    const one = next();
    if (one === undefined) return;
    give(thread, one, limits);
    work();
  };

  const ended = (thread: Thread, reason: string): void => {
    threads.delete(thread);
    clearTimeout(thread.timer);
    thread.drawn?.reject(failed(reason));
    thread.drawn = undefined;
    work();
  };

  const rest = (thread: Thread): void => {
    work();
    if (thread.drawn !== undefined) return;
    thread.worker.unref();
    thread.timer = setTimeout(() => {
      threads.delete(thread);
      void thread.worker.terminate();
    }, limits.idle).unref();
  };

  return {
    draw: (laboratory, model) =>
      new Promise((resolve, reject) => {
        const queue = queues.get(laboratory) ?? [];
        if (queue.length >= limits.waiting) throw tooMany();
        queue.push({ laboratory, model, resolve, reject });
        queues.set(laboratory, queue);
        work();
      }),
    stop: async () => {
      for (const one of [...queues.values()].flat()) one.reject(failed('the server stops'));
      queues.clear();
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
  };
}

function begin(
  { memory }: Limits,
  ended: (thread: Thread, reason: string) => void,
  rest: (thread: Thread) => void,
): Thread {
  const resourceLimits = { maxOldGenerationSizeMb: memory, maxYoungGenerationSizeMb: 32 };
  const worker = new Worker(new URL('./thread.ts', import.meta.url), { resourceLimits });
  const thread: Thread = { worker };
  let reason = 'its thread ended';
  worker.on('message', (told: Told) => {
    const { drawn } = thread;
    clearTimeout(thread.timer);
    thread.drawn = undefined;
    if ('pdf' in told) drawn?.resolve(Buffer.from(told.pdf.buffer, told.pdf.byteOffset, told.pdf.byteLength));
    else drawn?.reject(new Error(told.failure));
    rest(thread);
  });
  worker.on('error', (error: Error) => (reason = error.message));
  worker.once('exit', () => ended(thread, reason));
  return thread;
}

function give(thread: Thread, one: Waiting, { longest }: Limits): void {
  clearTimeout(thread.timer);
  thread.drawn = one;
  thread.worker.ref();
  thread.worker.postMessage(one.model);
  thread.timer = setTimeout(() => {
    thread.drawn?.reject(failed(`it took longer than ${longest / 1_000} s`));
    // It may have finished this moment, and must not be given another.
    thread.worker.removeAllListeners('message');
    void thread.worker.terminate();
  }, longest);
}

function failed(reason: string): OutcomeError {
  return outcomeError('exception', `The report could not be drawn: ${reason}.`);
}

function tooMany(): OutcomeError {
  return outcomeError('throttled', 'Too many reports of this laboratory wait to be drawn; try again in a moment.', {
    status: 503,
    headers: { 'retry-after': '5' },
  });
}
