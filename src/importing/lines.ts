/** The lines of an NDJSON file as they are read, and where each ends. No line longer than `most` is ever held in memory. */

export interface Line {
  /** Undefined where it is longer than it may be. */
  readonly bytes: Buffer | undefined;
  /** Of the byte after it. */
  readonly end: number;
}

const newline = 10;

/** @param start the byte of the file at which the stream begins */
export async function* linesOf(stream: AsyncIterable<Uint8Array>, start: number, most: number): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let length = 0;
  let end = start;
  const take = (part: Buffer): void => {
    length += part.length;
    end += part.length;
    if (length <= most) parts.push(part);
    else parts = [];
  };
  const line = (): Line => {
    const bytes = length > most ? undefined : parts.length === 1 ? parts[0] : Buffer.concat(parts);
    parts = [];
    length = 0;
    return { bytes, end };
  };
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let at = buffer.indexOf(newline); at !== -1; at = buffer.indexOf(newline, from)) {
      take(buffer.subarray(from, at));
      end += 1;
      from = at + 1;
      yield line();
    }
    if (from < buffer.length) take(buffer.subarray(from));
  }
  if (length > 0) yield line();
}
