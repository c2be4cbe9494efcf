/**
 * The encryption of segments.ts for content that is large, in a thread of its own (sealing-thread.ts).
 *
 * Node's ciphers give each result in new memory outside the heap, and every 64 MB of it make the collector go through the
 * whole heap of the thread that asked: where that is large, it took longer than all else that an export does. The heap of
 * this thread is as good as empty.
 *
 * 1. What the thread is given and gives lies in shared memory, which is used again (`lentSize` of store.ts).
 * 2. It begins with the first content of more than `lentSize` bytes, and ends with `stop`.
 */
import { Worker } from 'node:worker_threads';
import { outcomeError } from '../fhir/outcome.ts';
import { seal, sealedLength, segmentSize, type Header } from './segments.ts';
import { blocks, lentSize, type Content } from './store.ts';

/** Memory for one block, plain and sealed. */
interface Place {
  readonly plain: SharedArrayBuffer;
  readonly sealed: SharedArrayBuffer;
}

export interface Asked extends Place {
  readonly id: number;
  /** Of the plain bytes. */
  readonly length: number;
  readonly key: Uint8Array;
  /** Of the first segment. */
  readonly number: number;
  /** The content ends with it. */
  readonly last: boolean;
}

/** The length of the sealed bytes. */
export interface Told {
  readonly id: number;
  readonly length: number;
}

export interface SealingApart {
  readonly seal: typeof seal;
  stop(): Promise<void>;
}

/** One is filled, one is sealed, one is written. */
const placesEach = 3;
const segmentsEach = lentSize / segmentSize;

export function sealingApart(): SealingApart {
  const spare: Place[] = [];
  let thread: Thread | undefined;
  const ask = (asked: Omit<Asked, 'id'>): Promise<Buffer> => {
    if (thread === undefined || thread.hasEnded) thread = new Thread();
    return thread.ask(asked);
  };
  async function* sealLarge(content: Content, key: Buffer, header: Header): AsyncGenerator<Buffer> {
    const places = Array.from({ length: placesEach }, () => spare.pop() ?? newPlace());
    const under: Promise<Buffer>[] = [];
    let number = 0;
    try {
      for await (const { bytes, last } of blocks(content, lentSize, (n) => Buffer.from(placeOf(places, n).plain))) {
        if (number === 0 && last) {
          yield* seal(bytes, key, header);
          return;
        }
        if (number === 0) yield header.bytes;
        const { plain, sealed } = placeOf(places, number);
        const asked = ask({ plain, sealed, length: bytes.length, key, number: number * segmentsEach, last });
        // Its failure is heard where it is waited for, which may be later.
        asked.catch(() => undefined);
        under.push(asked);
        number += 1;
        if (under.length === placesEach - 1) yield (await under.shift()) as Buffer;
      }
      for (const one of under) {
        const bytes = await one;
        yield bytes.length < lentSize ? Buffer.from(bytes) : bytes;
      }
    } finally {
      await Promise.allSettled(under);
      spare.push(...places);
    }
  }
  return { seal: sealLarge, stop: async () => thread?.stop() };
}

function newPlace(): Place {
  return { plain: new SharedArrayBuffer(lentSize), sealed: new SharedArrayBuffer(sealedLength(lentSize)) };
}

function placeOf(places: readonly Place[], block: number): Place {
  return places[block % placesEach] as Place;
}

/** Its young garbage is what the ciphers give: little room for it keeps memory flat. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

interface Waiting {
  readonly sealed: SharedArrayBuffer;
  resolve(bytes: Buffer): void;
  reject(error: Error): void;
}

class Thread {
  readonly #worker = new Worker(new URL('./sealing-thread.ts', import.meta.url), { resourceLimits });
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  hasEnded = false;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', ({ id, length }: Told) => {
      const one = this.#waiting.get(id);
      this.#waiting.delete(id);
      one?.resolve(Buffer.from(one.sealed, 0, length));
    });
    this.#worker.on('error', () => this.#end());
    this.#worker.on('exit', () => this.#end());
  }

  ask(asked: Omit<Asked, 'id'>): Promise<Buffer> {
    const id = (this.#asked += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { sealed: asked.sealed, resolve, reject });
      this.#worker.postMessage({ id, ...asked } satisfies Asked);
    });
  }

  #end(): void {
    this.hasEnded = true;
    const failure = outcomeError('transient', 'The thread that encrypts files ended before its work did.');
    this.#waiting.forEach(({ reject }) => reject(failure));
    this.#waiting.clear();
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
