/**
 * /metrics with several workers: whichever worker is asked, the answer counts them all.
 *
 * A worker asks the parent, the parent collects from every worker (prom-client's own messages) and answers the one that
 * asked. Messages of ours are objects with one member named `makhbarMetrics`.
 */
import cluster, { type Worker } from 'node:cluster';
import { outcomeError } from '../fhir/outcome.ts';

interface Message {
  makhbarMetrics: { id: number; text?: string };
}

const ANSWER_WITHIN_MS = 6_000;

/** In a worker: the metrics of all workers. */
export function askParent(): () => Promise<string> {
  const waiting = new Map<number, (text: string) => void>();
  let last = 0;
  process.on('message', (message: Partial<Message>) => {
    const { id, text } = message.makhbarMetrics ?? {};
    if (id !== undefined && text !== undefined) waiting.get(id)?.(text);
  });
  return async () => {
    const id = ++last;
    try {
      return await new Promise<string>((done, fail) => {
        const late = outcomeError('timeout', 'The other workers did not give their metrics in time.');
        setTimeout(() => fail(late), ANSWER_WITHIN_MS).unref();
        waiting.set(id, done);
        process.send?.({ makhbarMetrics: { id } } satisfies Message);
      });
    } finally {
      waiting.delete(id);
    }
  };
}

/** In the parent: answers workers that ask. */
export function answerWorkers(collect: () => Promise<string>): void {
  cluster.on('message', (worker: Worker, message: Partial<Message>) => {
    const id = message.makhbarMetrics?.id;
    if (id === undefined) return;
    // A worker that died meanwhile asks no more; the one that asked gives up by itself.
    collect().then(
      (text) => worker.isConnected() && worker.send({ makhbarMetrics: { id, text } } satisfies Message),
      () => undefined,
    );
  });
}
