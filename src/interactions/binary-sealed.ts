/**
 * Data of a Binary that is part of its resource: it came in a transaction, by a conditional create or update, or by a
 * patch. It stays in the version, encrypted as files are, so that it goes with the version whatever becomes of the
 * transaction, counts in pages that end by size, and no file can be left behind.
 *
 * 1. What is stored is `@` and the sealed content in base64; data that a client sends never begins so, because it is valid.
 * 2. The name that the key is bound to has the tenant and the Binary in it: moved to another, the data cannot be opened.
 * 3. Data of versions that were written before it was sealed is read as it is.
 *
 * Rejected: a file for each. It has to be written before a transaction that may fail and be tried again, by each try, and
 * the limits of pages would have to ask for the sizes of files.
 */
import { openBytes, sealBytes, type KeyRing } from '../files/encrypted.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { keysIn } from '../store/tenant-keys.ts';
import type { Context } from '../request.ts';
import type { Stored } from '../store/read.ts';
import type { WriteEntry } from '../store/write.ts';
import { makeDocument, parseStored } from './document.ts';

export type SealingContext = Pick<Context, 'server' | 'session'>;

const binaryType = typeNumber('Binary') ?? -1;
const mark = '@';

/** What is written of a resource, its data sealed where it is a Binary with data. */
export async function withSealedData<Change extends { readonly entry: WriteEntry; readonly resource?: JsonObject }>(
  context: SealingContext,
  change: Change,
): Promise<Change> {
  const { entry, resource } = change;
  const data = resource?.['data'];
  if (entry.type !== binaryType || typeof data !== 'string' || data.startsWith(mark)) return change;
  // The text that the client wrote, white space included: it is answered as it was sent.
  const bytes = await sealBytes(keysOf(context), nameOf(context, entry), Buffer.from(data, 'latin1'));
  const sealed = { ...resource, data: mark + bytes.toString('base64') };
  const { content, exact } = makeDocument(sealed, entry.id);
  return { ...change, resource: sealed, entry: { ...entry, content, exact } };
}

/** Stored versions as clients wrote them. */
export function openedAll<Version extends Pick<Stored, 'type' | 'id' | 'text'>>(
  context: SealingContext,
  versions: readonly Version[],
): Promise<Version[]> {
  return Promise.all(versions.map((version) => opened(context, version)));
}

/** A stored version as the client wrote it: a Binary with its data, everything else as it is. */
export async function opened<Version extends Pick<Stored, 'type' | 'id' | 'text'>>(
  context: SealingContext,
  version: Version,
): Promise<Version> {
  const { type, id, text } = version;
  if (type !== binaryType || text === null || !/"data": ?"@/.test(text)) return version;
  const data = parseStored(text)['data'];
  if (typeof data !== 'string' || !data.startsWith(mark)) return version;
  const sealed = Buffer.from(data.slice(mark.length), 'base64');
  const plain = await openBytes(keysOf(context), nameOf(context, { id }), sealed);
  return { ...version, text: text.replace(`"${data}"`, () => JSON.stringify(plain.toString('latin1'))) };
}

function nameOf({ session }: SealingContext, { id }: Pick<WriteEntry, 'id'>): string {
  return `${session.tenant}/Binary/${id}`;
}

function keysOf({ server, session }: SealingContext): KeyRing {
  return keysIn(session, { database: server.database, keyEncryptionKey: server.config.keyEncryptionKey() });
}
