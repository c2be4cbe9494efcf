/** The files of exports in the file store, encrypted with the laboratory's key. */
import { binaryFiles, type FilesContext } from '../interactions/binary-files.ts';
import { fileKey } from './manifest.ts';
import type { Piece } from './lines.ts';

export interface WrittenFile {
  readonly count: number;
  readonly size: number;
  /** From where the next goes on; undefined at the end. */
  readonly after: string | undefined;
}

export interface Writing {
  readonly id: string;
  readonly number: number;
  /** Milliseconds since 1970 after which the file ends where a window does. */
  readonly until: number;
}

/** Writes pieces to a file until the time is over; without any line there is no file. */
export async function writeFile(
  context: FilesContext,
  { id, number, until }: Writing,
  pieces: AsyncGenerator<Piece>,
): Promise<WrittenFile> {
  const noted: { count: number; after: string | undefined } = { count: 0, after: undefined };
  let waiting: Piece | undefined;
  const isOver = (): boolean => noted.after === 'end' || (noted.after !== undefined && Date.now() >= until);
  async function next(): Promise<Piece | undefined> {
    const { value, done } = await pieces.next();
    if (done === true) {
      noted.after = 'end';
      return undefined;
    }
    noted.count += value.count;
    noted.after = value.after;
    return value;
  }
  async function* content(first: Buffer): AsyncGenerator<Uint8Array> {
    yield first;
    while (!isOver()) {
      const piece = await next();
      if (piece !== undefined && piece.bytes.length > 0) yield piece.bytes;
    }
  }
  try {
    do waiting = await next();
    while (waiting !== undefined && waiting.bytes.length === 0 && !isOver());
    const size =
      waiting === undefined || waiting.bytes.length === 0
        ? 0
        : await binaryFiles(context).write(fileKey(id, number), content(waiting.bytes));
    return { count: noted.count, size, after: noted.after === 'end' ? undefined : noted.after };
  } finally {
    await pieces.return(undefined);
  }
}

export async function removeFiles(context: FilesContext, id: string): Promise<void> {
  const files = binaryFiles(context);
  for await (const { key } of files.list(`export/${id}/`)) await files.delete(key);
}
