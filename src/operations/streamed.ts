/**
 * Text that is made while it is sent, no faster than it is taken. Nothing is done before the first of it is asked for.
 *
 * 1. A reader who goes away, or takes nothing for `patience`, ends the work: it holds a connection to the database.
 * 2. Work that fails breaks the stream off, so that what was sent is not taken for all of it.
 */
import { Readable } from 'node:stream';

/** Resolves when there is room for more. @throws Error where nobody takes it any more. */
export type Send = (text: string) => Promise<void>;

/** Milliseconds; less than PostgreSQL has with an idle transaction (store/pool.ts). */
const usualPatience = 30_000;

export function streamed(work: (send: Send) => Promise<void>, patience = usualPatience): Readable {
  let begun = false;
  let wake = (): void => undefined;
  const send: Send = async (text) => {
    // To a stream an empty text is none, and nobody would come for the next.
    if (stream.destroyed || (text !== '' && !stream.push(text) && !(await room())))
      throw new Error('The reader has gone.');
  };
  const room = (): Promise<boolean> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), patience);
      wake = () => {
        clearTimeout(timer);
        resolve(!stream.destroyed);
      };
    });
  const stream = new Readable({
    read() {
      wake();
      if (begun) return;
      begun = true;
      work(send).then(
        () => stream.push(null),
        (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    destroy(error, done) {
      done(error);
      wake();
    },
  });
  return stream;
}
