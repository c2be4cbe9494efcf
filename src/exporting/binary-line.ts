/**
 * A Binary as a line of NDJSON without its end: its content in base64, written while it is read; without it where the caller
 * may not read all that it tells of.
 */
import { Readable } from 'node:stream';
import { areFurtherReadable } from '../interactions/binary-security.ts';
import { binaryFiles } from '../interactions/binary-files.ts';
import { opened } from '../interactions/binary-sealed.ts';
import { parseStored } from '../interactions/document.ts';
import type { Context } from '../request.ts';
import { readBinaryFile } from '../store/binary-files.ts';
import type { Stored } from '../store/read.ts';
import { serializeJson } from '../fhir/json.ts';

export async function* binaryLine(context: Context, sealed: Stored): AsyncGenerator<Buffer> {
  const stored = await opened(context, sealed);
  const { data, ...rest } = parseStored(stored.text ?? '{}');
  const file = data === undefined ? await readBinaryFile(context.session, stored) : undefined;
  if (file === undefined || !(await areFurtherReadable(context, rest))) {
    yield Buffer.from(serializeJson(data === undefined ? rest : { ...rest, data }));
    return;
  }
  yield Buffer.from(`${serializeJson(rest).slice(0, -1)},"data":"`);
  yield* base64(await binaryFiles(context).get(file.key));
  yield Buffer.from('"}');
}

/** In pieces of whole groups of three bytes, so that they stand one after the other. */
async function* base64(body: Readable): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of body) {
    const bytes = Buffer.concat([rest, piece as Buffer]);
    const whole = bytes.length - (bytes.length % 3);
    rest = bytes.subarray(whole);
    if (whole > 0) yield Buffer.from(bytes.toString('base64', 0, whole), 'latin1');
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1');
}
