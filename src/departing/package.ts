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
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { outcomeError } from '../fhir/outcome.ts';
import type { Context } from '../request.ts';
import { lastSeal } from '../store/audit-seals.ts';
import { momentAndRunning, runningTransactions } from '../store/exports.ts';
import { typesPresent } from '../store/export-rows.ts';
import { auditHorizon, countsAt, type TypeCount } from '../store/package-rows.ts';
import { packagePage } from '../pages/package-page.ts';
import { endProgress, noteBeginning, readProgress, writePart, type PackageFile } from './folder.ts';
import { binaryContents, partsOf, type Frame } from './parts.ts';
import { detachedSignature, signatureKey, type SignatureKey } from './signature.ts';

export interface Manifest {
  readonly format: 'makhbar-package/1';
  readonly laboratory: string;
  readonly title: string;
  /** FHIR instants: of which moment it is, and when it was complete. */
  readonly moment: string;
  readonly made: string;
  readonly history: boolean;
  readonly counts: Readonly<Record<string, TypeCount>>;
  readonly audit: { readonly seals: number; readonly events: number };
  readonly files: readonly PackageFile[];
}

export interface Packing {
  readonly folder: string;
  readonly history: boolean;
  /** Is told each file that is complete. */
  readonly progress?: (path: string) => void;
}

export async function writePackage(context: Context, packing: Packing): Promise<Manifest> {
  const { folder } = packing;
  const before = await readProgress(folder);
  const frame =
    (before.beginning as unknown as (Frame & { laboratory: string }) | undefined) ?? (await begin(context, packing));
  if (frame.laboratory !== context.tenant.name) {
    throw outcomeError('conflict', `${folder} holds a package under way of laboratory ${frame.laboratory}.`);
  }
  const files = await writeFiles(context, packing, frame, before.files);
  const counts = await countsAt(context.session, frame.moment);
  checkCounts(frame, counts, files);
  const { name, title } = context.tenant;
  const manifest: Manifest = {
    format: 'makhbar-package/1',
    laboratory: name,
    title,
    moment: frame.moment,
    made: new Date().toISOString(),
    history: frame.history,
    counts,
    audit: { seals: frame.lastSeal, events: linesOf(files, 'audit/events.ndjson') },
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  };
  await seal(folder, manifest, signatureKey(context.server.config.keyEncryptionKey()));
  return manifest;
}

async function begin(context: Context, { folder, history }: Packing): Promise<Frame & { laboratory: string }> {
  const { database } = context.server;
  const { moment, running } = await momentAndRunning(database);
  for (let left = running; left.length > 0; left = await runningTransactions(database, left)) await pause(50);
  const horizon = await auditHorizon(context.session);
  const frame = {
    laboratory: context.tenant.name,
    moment,
    history,
    types: await typesPresent(context.session),
    lastSeal: (await lastSeal(context.session))?.number ?? 0,
    horizon,
  };
  await noteBeginning(folder, frame);
  return frame;
}

async function writeFiles(
  context: Context,
  { folder, progress }: Packing,
  frame: Frame,
  before: readonly PackageFile[],
): Promise<PackageFile[]> {
  const files = [...before];
  const there = new Set(before.map(({ path }) => path));
  const keep = (file: PackageFile | undefined): void => {
    if (file === undefined) return;
    files.push(file);
    progress?.(file.path);
  };
  for (const { path, counts, pieces } of partsOf(context, frame)) {
    if (!there.has(path)) keep(await writePart(folder, { path, counts }, pieces()));
  }
  for await (const { id, contentType, pieces } of binaryContents(context, frame)) {
    const path = `files/Binary-${id}${extensionOf(contentType)}`;
    if (!there.has(path)) keep(await writePart(folder, { path, of: `Binary/${id}` }, pieces()));
  }
  return files;
}

const extensions: Readonly<Record<string, string>> = {
  'application/pdf': '.pdf',
  'image/png': '.png',
  'image/jpeg': '.jpg',
  'image/tiff': '.tif',
  'application/dicom': '.dcm',
  'application/json': '.json',
  'application/xml': '.xml',
  'application/hl7-v2': '.hl7',
  'text/plain': '.txt',
  'text/csv': '.csv',
  'text/html': '.html.txt',
};

/** HTML that somebody sent is not opened by a double click beside our own index. */
function extensionOf(contentType: string): string {
  return extensions[contentType.split(';')[0]?.trim().toLowerCase() ?? ''] ?? '.bin';
}

/** @throws OutcomeError that names the first type of which the package has more or less than the database */
function checkCounts(frame: Frame, counts: Readonly<Record<string, TypeCount>>, files: readonly PackageFile[]): void {
  for (const [type, { current }] of Object.entries(counts)) {
    const written = linesOf(files, `resources/${type}.ndjson`);
    if (written !== current) throw mismatch(`${type} resources`, written, current);
  }
  if (!frame.history) return;
  const versions = Object.values(counts).reduce((sum, one) => sum + one.versions, 0);
  const written = linesOf(files, 'history/versions.ndjson') + linesOf(files, 'history/Binary.ndjson');
  if (written !== versions) throw mismatch('versions', written, versions);
}

function mismatch(what: string, written: number, counted: number): Error {
  const sentence = `The package has ${written} ${what} and the database ${counted}: it is not complete. Something was erased while it was written; begin anew in an empty folder.`;
  return outcomeError('conflict', sentence);
}

function linesOf(files: readonly PackageFile[], path: string): number {
  return files.find((file) => file.path === path)?.lines ?? 0;
}

/** The manifest last: where it and its signature are, everything is. */
async function seal(folder: string, manifest: Manifest, key: SignatureKey): Promise<void> {
  const text = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`);
  await copyFile(new URL('verify.mjs', import.meta.url), join(folder, 'verify.mjs'));
  await writeFile(join(folder, 'key.json'), `${JSON.stringify(key.publicJwk)}\n`);
  await writeFile(join(folder, 'index.html'), packagePage(manifest, key.thumbprint));
  await writeFile(join(folder, 'manifest.jws'), `${detachedSignature(key, text)}\n`);
  await writeFile(join(folder, 'manifest.json'), text);
  await endProgress(folder);
}
