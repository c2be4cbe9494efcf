/** The lines of a file in batches that are stored together: none names a resource twice. */
import { OutcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { binaryFiles } from '../interactions/binary-files.ts';
import type { Context } from '../request.ts';
import type { Place, Refusal } from '../store/imports.ts';
import { linesOf } from './lines.ts';
import { isBlank, readLine, refusalOf } from './read-line.ts';
import { importKey, type ImportRequest } from './request.ts';

export interface Loading {
  readonly context: Context;
  readonly id: string;
  readonly request: ImportRequest;
}

export interface Read {
  readonly line: number;
  readonly resource: JsonObject;
}

export interface Batch {
  readonly read: readonly Read[];
  readonly refusals: readonly Refusal[];
  /** Where the next begins; `end` after the last of a file. */
  readonly place: Place;
  readonly end: boolean;
}

const batchSize = 500;
/** Bytes after which a batch is full. */
const batchBytes = 8 * 1_048_576;
/** The batches of a file from a place on. */
export async function* batchesOf({ context, id, request }: Loading, from: Place): AsyncGenerator<Batch> {
  const most = context.server.config.bodyLimit;
  const source = request.sources[from.file];
  const name = nameOf(request, from.file);
  const stream = await binaryFiles(context).get(importKey(id, from.file), { start: from.offset });
  let batch = emptyBatch();
  let place = from;
  const full = (end: boolean): Batch => {
    const { read, refusals } = batch;
    batch = emptyBatch();
    return { read, refusals, place, end };
  };
  for await (const { bytes, end } of linesOf(stream, from.offset, most)) {
    const line = place.line + 1;
    if (!isBlank(bytes)) {
      const resource = refusing(batch.refusals, { file: name, line }, () => readLine(bytes, source?.type));
      const key = resource?.['id'] === undefined ? '' : `${String(resource['resourceType'])}/${String(resource['id'])}`;
      if (key !== '' && batch.keys.has(key)) yield full(false);
      if (resource !== undefined) batch.read.push({ line, resource });
      if (key !== '') batch.keys.add(key);
    }
    place = { ...place, line, offset: end };
    batch.bytes += bytes?.length ?? 0;
    if (batch.read.length + batch.refusals.length >= batchSize || batch.bytes >= batchBytes) yield full(false);
  }
  yield full(true);
}

function emptyBatch(): { read: Read[]; refusals: Refusal[]; keys: Set<string>; bytes: number } {
  return { read: [], refusals: [], keys: new Set(), bytes: 0 };
}

export function nameOf({ sources }: ImportRequest, file: number): string {
  const { name, url } = sources[file] ?? {};
  return (name ?? url ?? `file ${file}`).slice(0, 200);
}

/** What of a line cannot be is told, and the rest goes on. */
export function refusing<T>(refusals: Refusal[], place: { file: string; line: number }, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    refusals.push({ line: place.line, outcome: refusalOf(error, place) });
    return undefined;
  }
}
