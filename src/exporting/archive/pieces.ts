/**
 * The messages of an archive, window by window of the resources that they are of, and what they do not say: an
 * OperationOutcome each message. The same windows are gone through for both, so that each goes on by itself after a crash.
 */
import { operationOutcome } from '../../fhir/outcome.ts';
import { parseStored } from '../../interactions/document.ts';
import {
  firstSpan,
  matchingWindow,
  nextSpan,
  storedVersions,
  type Matching,
  type WindowPlace,
} from '../../store/export-rows.ts';
import type { Stored } from '../../store/read.ts';
import { visibleThen, type Piece } from '../lines.ts';
import { selectionOf } from '../selection.ts';
import type { Archive, Archiving, Made } from './format.ts';

/** Resources whose messages are made at once. */
const atOnce = 50;

export interface ArchivePart {
  /** Of the resources that messages are made of. */
  readonly type: string;
  readonly of: 'messages' | 'unsaid';
}

export async function* archivePieces(
  archive: Archive,
  archiving: Archiving,
  { type, of }: ArchivePart,
  from: string | undefined,
): AsyncGenerator<Piece> {
  let span = firstSpan;
  for (let after: string | undefined = from ?? '0'; after !== undefined;) {
    const place: WindowPlace = { after, most: atOnce, span };
    const window: Window = await windowOf(archiving, type, place);
    const found = window.found.map(({ text }) => parseStored(text ?? '{}'));
    const made = await archive.make(archiving, type, found);
    after = window.next;
    span = nextSpan(place, window);
    const texts = of === 'messages' ? made.flatMap(({ text }) => text ?? []) : made.flatMap(outcomeLine);
    yield { bytes: Buffer.from(texts.join('')), count: texts.length, after: after ?? 'end' };
  }
}

interface Window {
  readonly count: number;
  readonly found: readonly Stored[];
  readonly next: string | undefined;
}

async function windowOf({ context, selecting, times }: Archiving, type: string, place: WindowPlace): Promise<Window> {
  const matching: Matching = { ...times, type, condition: selectionOf(type, selecting), access: selecting.access };
  return context.server.database.transaction(
    context.tenant.id,
    async (session) => {
      const window = await matchingWindow(session, matching, place);
      const changed = await visibleThen({ ...context, session }, matching, window.changed);
      const { count, next } = window;
      return { found: [...(await storedVersions(session, window)), ...changed], count, next };
    },
    'snapshot',
  );
}

function outcomeLine({ issues }: Made): string[] {
  const found = issues();
  return found.length === 0 ? [] : [`${JSON.stringify(operationOutcome(found))}\n`];
}
