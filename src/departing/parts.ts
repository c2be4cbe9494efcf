/** What a package is made of, file by file, each in pieces that are read while it is written. */
import { binaryLine } from '../exporting/binary-line.ts';
import { contentOf, plainPieces, type Reading } from '../exporting/lines.ts';
import { binaryFiles } from '../interactions/binary-files.ts';
import { opened } from '../interactions/binary-sealed.ts';
import { parseStored } from '../interactions/document.ts';
import type { Context } from '../request.ts';
import { readBinaryFile } from '../store/binary-files.ts';
import { storedVersions } from '../store/export-rows.ts';
import {
  binariesAt,
  binaryVersions,
  copyOfHistory,
  copyOfMessages,
  copyOfSettings,
  settingFiles,
} from '../store/package-rows.ts';
import type { Stored } from '../store/read.ts';
import { archiveParts } from './archive-part.ts';
import { eventPieces, sealPieces, type Sealed } from './audit-part.ts';
import type { Piece } from './folder.ts';

/** What was decided at the beginning. */
export interface Frame extends Sealed {
  readonly moment: string;
  readonly types: readonly string[];
  readonly history: boolean;
}

export interface Part {
  readonly path: string;
  /** What is counted in it: lines of NDJSON, messages of a batch. */
  readonly counts: 'lines' | 'messages';
  readonly pieces: () => AsyncIterable<Piece>;
}

/** Rows of a window; Binaries are read one by one. */
const rows = 20_000;
const binaries = 200;

/** The files of NDJSON and of messages, in their order. */
export function partsOf(context: Context, frame: Frame): Part[] {
  const own = ndjsonOf(context, frame).map((part): Part => ({ ...part, counts: 'lines' }));
  return [...own, ...archiveParts(context, frame)];
}

function ndjsonOf(context: Context, frame: Frame): Omit<Part, 'counts'>[] {
  const { tenant } = context;
  const copied = (path: string, copy: (after: string | undefined) => string): Omit<Part, 'counts'> => ({
    path,
    pieces: () => windows(context, copy),
  });
  return [
    ...frame.types.map((type) => ({
      path: `resources/${type}.ndjson`,
      pieces: () => (type === 'Binary' ? currentBinaries(context, frame.moment) : plain(context, frame.moment, type)),
    })),
    ...(frame.history
      ? [
          copied('history/versions.ndjson', (after) =>
            copyOfHistory({ tenant: tenant.id, after, most: rows }, frame.moment),
          ),
          { path: 'history/Binary.ndjson', pieces: () => binaryHistory(context, frame.moment) },
        ]
      : []),
    { path: 'audit/events.ndjson', pieces: () => eventPieces(context, frame) },
    { path: 'audit/seals.ndjson', pieces: () => sealPieces(context, frame) },
    copied('messages/messages.ndjson', (after) => copyOfMessages({ tenant: tenant.id, after, most: rows / 10 })),
    ...settingFiles.map((file) => ({
      path: `${file}.ndjson`,
      pieces: () => context.server.database.copy(tenant.id, copyOfSettings(tenant.id, file)),
    })),
    { path: 'settings/laboratory.ndjson', pieces: () => laboratory(context) },
  ];
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* laboratory({ tenant: { name, title, created, settings } }: Context): AsyncGenerator<Piece> {
  yield { bytes: Buffer.from(`${JSON.stringify({ name, title, created, settings })}\n`), count: 1 };
}

/** One COPY after the other, until one has nothing. */
async function* windows(context: Context, copy: (after: string | undefined) => string): AsyncGenerator<Piece> {
  const { server, tenant } = context;
  for (let after: string | undefined, found = true; found;) {
    found = false;
    for await (const block of server.database.copy(tenant.id, copy(after))) {
      found = true;
      after = block.key;
      yield block;
    }
  }
}

function readingOf(context: Context, moment: string, type: string): Reading {
  return {
    context,
    shape: undefined,
    matching: { moment, type, condition: { kind: 'all' }, access: () => ({ kind: 'all' }) },
  };
}

function plain(context: Context, moment: string, type: string): AsyncIterable<Piece> {
  return plainPieces(readingOf(context, moment, type), undefined);
}

async function* binaryWindows(context: Context, moment: string) {
  for (let after: string | undefined = '0'; after !== undefined;) {
    const window: Awaited<ReturnType<typeof binariesAt>> = await binariesAt(context.session, {
      moment,
      after,
      most: binaries,
    });
    yield window;
    after = window.next;
  }
}

async function* currentBinaries(context: Context, moment: string): AsyncGenerator<Piece> {
  const reading = readingOf(context, moment, 'Binary');
  for await (const window of binaryWindows(context, moment)) yield* contentOf(reading, window);
}

async function* binaryHistory(context: Context, moment: string): AsyncGenerator<Piece> {
  for (let after: string | undefined = '0|0'; after !== undefined;) {
    const found: Awaited<ReturnType<typeof binaryVersions>> = await binaryVersions(context.session, {
      moment,
      after,
      most: binaries,
    });
    for (const { rid, version, deleted, ...head } of found) {
      const before = JSON.stringify({ ...head, version }).slice(0, -1);
      yield { bytes: Buffer.from(`${before},"resource":${deleted ? 'null}\n' : ''}`), count: deleted ? 1 : 0 };
      if (deleted) continue;
      for (const stored of await storedVersions(context.session, { rids: `{${rid}}`, versions: `{${version}}` })) {
        for await (const bytes of binaryLine(context, stored)) yield { bytes, count: 0 };
      }
      yield { bytes: Buffer.from('}\n'), count: 1 };
    }
    const last = found.at(-1);
    after = found.length < binaries || last === undefined ? undefined : `${last.rid}|${last.version}`;
  }
}

/** The content of a Binary as it came: attachments, reports. */
export interface BinaryContent {
  readonly id: string;
  readonly contentType: string;
  readonly pieces: () => AsyncIterable<Piece>;
}

export async function* binaryContents(context: Context, { moment }: Frame): AsyncGenerator<BinaryContent> {
  for await (const window of binaryWindows(context, moment)) {
    for (const stored of await storedVersions(context.session, window)) {
      const content = await contentOfBinary(context, stored);
      if (content !== undefined) yield content;
    }
  }
}

async function contentOfBinary(context: Context, sealed: Stored): Promise<BinaryContent | undefined> {
  const stored = await opened(context, sealed);
  const { data, contentType } = parseStored(stored.text ?? '{}');
  const named = { id: stored.id, contentType: typeof contentType === 'string' ? contentType : '' };
  if (typeof data === 'string') return { ...named, pieces: () => once(Buffer.from(data, 'base64')) };
  const file = await readBinaryFile(context.session, stored);
  return file && { ...named, pieces: () => filePieces(context, file.key) };
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* once(bytes: Buffer): AsyncGenerator<Piece> {
  yield { bytes, count: 0 };
}

async function* filePieces(context: Context, key: string): AsyncGenerator<Piece> {
  for await (const bytes of await binaryFiles(context).get(key)) yield { bytes: bytes as Buffer, count: 0 };
}
