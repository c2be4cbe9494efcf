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
  readonly frame?: Frame | undefined;
}

/** What stands before and after the lines of a file that has any. */
export interface Frame {
  readonly begin: Buffer;
  readonly end: (count: number) => Buffer;
}

/** Where the content of a file goes; its size in bytes. */
export type Sink = (content: AsyncGenerator<Uint8Array>) => Promise<number>;

/** Writes pieces to a file of the export until the time is over; without any line there is no file. */
export function writeFile(
  context: FilesContext,
  { id, number, ...writing }: Writing,
  pieces: AsyncGenerator<Piece>,
): Promise<WrittenFile> {
  return writePieces(pieces, writing, (content) => binaryFiles(context).write(fileKey(id, number), content));
}

export async function writePieces(
  pieces: AsyncGenerator<Piece>,
  { until, frame }: Pick<Writing, 'until' | 'frame'>,
  sink: Sink,
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
    if (frame !== undefined && frame.begin.length > 0) yield frame.begin;
    yield first;
    while (!isOver()) {
      const piece = await next();
      if (piece !== undefined && piece.bytes.length > 0) yield piece.bytes;
    }
    const end = frame?.end(noted.count);
    if (end !== undefined && end.length > 0) yield end;
  }
  try {
    do waiting = await next();
    while (waiting !== undefined && waiting.bytes.length === 0 && !isOver());
    const isEmpty = waiting === undefined || waiting.bytes.length === 0;
    const size = isEmpty ? 0 : await sink(content(waiting?.bytes ?? Buffer.alloc(0)));
    return { count: noted.count, size, after: noted.after === 'end' ? undefined : noted.after };
  } finally {
    await pieces.return(undefined);
  }
}

export async function removeFiles(context: FilesContext, id: string): Promise<void> {
  const files = binaryFiles(context);
  for await (const { key } of files.list(`export/${id}/`)) await files.delete(key);
}
