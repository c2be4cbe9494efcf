/**
 * The package that a laboratory takes with it: all that is its own, in open formats, in a folder that proves itself.
 *
 *   resources/<Type>.ndjson   all current resources, as $import and `makhbar import` take them
 *   history/                  all versions, on wish          files/   attachments and reports, as they came
 *   hl7v2/                    the same as HL7 v2 messages, and what these cannot say
 *   audit/                    AuditEvents, seals, public keys of the seals, what rules of retention removed
 *   messages/                 messages of record of the gateways, with their bytes      settings/   users, roles, applications
 *   manifest.json  manifest.jws  key.json  verify.mjs  index.html
 *
 * 1. Everything is of one moment, and nothing older can appear any more: transactions under way are waited for.
 * 2. The lines of each type are compared with a count that the database makes by itself; where they differ there is none.
 * 3. No password, secret or private key is in it.
 * 4. Stopped at any moment, it goes on with the file that was not complete (folder.ts).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outcomeError } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';
import { beginPackage, closingFiles, entriesOf, manifestOf, type Begun, type Manifest } from './contents.ts';
import { endProgress, noteBeginning, readProgress, writePart, type PackageFile } from './folder.ts';
import { signatureKey } from './signature.ts';

export interface Packing {
  readonly folder: string;
  readonly history: boolean;
  /** Is told each file that is complete. */
  readonly progress?: (path: string) => void;
}

export async function writePackage(context: Context, packing: Packing): Promise<Manifest> {
  const { folder, history } = packing;
  const before = await readProgress(folder);
  let frame = before.beginning as unknown as Begun | undefined;
  if (frame === undefined) {
    frame = await beginPackage(context, history);
    await noteBeginning(folder, { ...frame });
  }
  if (frame.laboratory !== context.tenant.name) {
    throw outcomeError('conflict', `${folder} holds a package under way of laboratory ${frame.laboratory}.`);
  }
  const files = await writeFiles(context, packing, frame, before.files);
  const manifest = await manifestOf(context, frame, files);
  const key = signatureKey(context.server.config.keyEncryptionKey());
  for (const [name, content] of await closingFiles(manifest, key)) await writeFile(join(folder, name), content);
  await endProgress(folder);
  return manifest;
}

async function writeFiles(
  context: Context,
  { folder, progress }: Packing,
  frame: Begun,
  before: readonly PackageFile[],
): Promise<PackageFile[]> {
  const files = [...before];
  const there = new Set(before.map(({ path }) => path));
  for await (const entry of entriesOf(context, frame)) {
    if (there.has(entry.path)) continue;
    const file = await writePart(folder, entry, entry.pieces());
    if (file === undefined) continue;
    files.push(file);
    progress?.(file.path);
  }
  return files;
}
