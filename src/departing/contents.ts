/**
 * What a package has in it, file by file, and the manifest that proves it: the same whether it is written to a folder
 * (package.ts) or sent as one archive (package-archive.ts).
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { outcomeError } from '../fhir/outcome.ts';
import { packagePage } from '../pages/package-page.ts';
import type { Context } from '../request.ts';
import { lastSeal } from '../store/audit-seals.ts';
import { momentAndRunning, runningTransactions } from '../store/exports.ts';
import { typesPresent } from '../store/export-rows.ts';
import { auditHorizon, countsAt, type TypeCount } from '../store/package-rows.ts';
import type { PackageFile, Piece } from './folder.ts';
import { binaryContents, partsOf, type Frame } from './parts.ts';
import { detachedSignature, type SignatureKey } from './signature.ts';

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

/** What was decided at the beginning, and of which laboratory. */
export type Begun = Frame & { readonly laboratory: string };

/** Transactions under way are waited for: nothing older than the moment can appear any more. */
export async function beginPackage(context: Context, history: boolean): Promise<Begun> {
  const { database } = context.server;
  const { moment, running } = await momentAndRunning(database);
  for (let left = running; left.length > 0; left = await runningTransactions(database, left)) await pause(50);
  const horizon = await auditHorizon(context.session);
  return {
    laboratory: context.tenant.name,
    moment,
    history,
    types: await typesPresent(context.session),
    lastSeal: (await lastSeal(context.session))?.number ?? 0,
    horizon,
  };
}

/** A file of the package. What counts in it, where there is nothing to count, is left out. */
export interface Entry extends Pick<PackageFile, 'path' | 'of'> {
  readonly counts?: 'lines' | 'messages';
  readonly pieces: () => AsyncIterable<Piece>;
}

export async function* entriesOf(context: Context, frame: Begun): AsyncGenerator<Entry> {
  yield* partsOf(context, frame);
  for await (const { id, contentType, pieces } of binaryContents(context, frame)) {
    yield { path: `files/Binary-${id}${extensionOf(contentType)}`, of: `Binary/${id}`, pieces };
  }
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

/** @throws OutcomeError where the files are not all that the database had at the moment */
export async function manifestOf(context: Context, frame: Begun, files: readonly PackageFile[]): Promise<Manifest> {
  const counts = await countsAt(context.session, frame.moment);
  checkCounts(frame, counts, files);
  const { name, title } = context.tenant;
  return {
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
export async function closingFiles(manifest: Manifest, key: SignatureKey): Promise<[name: string, content: Buffer][]> {
  const text = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`);
  return [
    ['verify.mjs', await readFile(new URL('verify.mjs', import.meta.url))],
    ['key.json', Buffer.from(`${JSON.stringify(key.publicJwk)}\n`)],
    ['index.html', Buffer.from(packagePage(manifest, key.thumbprint))],
    ['manifest.jws', Buffer.from(`${detachedSignature(key, text)}\n`)],
    ['manifest.json', text],
  ];
}
