/** A file of a patient as a line of NDJSON: a Binary whose data is written while it is read. */
import { Readable } from 'node:stream';
import type { JsonObject } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { securityContextsOf } from '../interactions/binary-security.ts';
import { parseStored } from '../interactions/document.ts';
import { readCurrent } from '../store/read.ts';
import type { Reading } from './request-reading.ts';
import type { Send } from './streamed.ts';

interface Wanted {
  readonly id: string;
  /** `Type/id` of what the patient is given. */
  readonly given: ReadonlySet<string>;
}

/** Whether there was one: what was deleted, or belongs to somebody else's record, is left out. */
export async function fileLines({ context }: Reading, { id, given }: Wanted, send: Send): Promise<boolean> {
  const stored = await readCurrent(context.session, typeNumber('Binary') ?? -1, id);
  if (typeof stored?.text !== 'string') return false;
  const resource = parseStored(stored.text);
  if (!isGiven(resource, context.base, given)) return false;
  const answer = await context.door.serve(context, {
    method: 'GET',
    segments: ['Binary', id],
    query: [],
    headers: { accept: '*/*' },
    body: undefined,
  });
  const { data: _data, ...rest } = resource;
  const head = JSON.stringify({ ...rest, id });
  await send(`${head.slice(0, -1)},"data":"`);
  for await (const text of base64(answer.raw?.body ?? Buffer.alloc(0))) await send(text);
  await send('"}\n');
  return true;
}

function isGiven(resource: JsonObject, base: string, given: ReadonlySet<string>): boolean {
  return securityContextsOf(resource).every((security) => {
    const parsed = parseReference(security, [base]);
    return parsed?.kind === 'local' && given.has(`${parsed.type}/${parsed.id}`);
  });
}

/** In pieces of whole groups of three bytes, so that they stand one after the other. */
async function* base64(body: Readable | Buffer): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of body instanceof Readable ? body : [body]) {
    const bytes = Buffer.concat([rest, piece as Buffer]);
    const whole = bytes.length - (bytes.length % 3);
    rest = bytes.subarray(whole);
    if (whole > 0) yield bytes.toString('base64', 0, whole);
  }
  if (rest.length > 0) yield rest.toString('base64');
}
