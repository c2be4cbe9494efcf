/** Text that is made while it is sent, no faster than it is taken. Nothing is done before the first of it is asked for. */
import { Readable } from 'node:stream';

/** Resolves when there is room for more. @throws Error where nobody takes it any more. */
export type Send = (text: string) => Promise<void>;

export function streamed(work: (send: Send) => Promise<void>): Readable {
  let begun = false;
  let room = (): void => undefined;
  const send: Send = (text) =>
    new Promise((resolve, reject) => {
      if (stream.destroyed) return reject(new Error('The reader has gone.'));
      // An empty text is none: to a stream it would mean nothing to wait for.
      if (text === '' || stream.push(text)) return resolve();
      room = () => (stream.destroyed ? reject(new Error('The reader has gone.')) : resolve());
    });
  const stream = new Readable({
    read() {
      room();
      if (begun) return;
      begun = true;
      work(send).then(
        () => stream.push(null),
        (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    destroy(error, done) {
      done(error);
      room();
    },
  });
  return stream;
}
