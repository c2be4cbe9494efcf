/** Types of which an archive has no messages, each with how many of them are left out. */
import { formatOf, type ExportRequest } from '../request.ts';
import { selectionOf } from '../selection.ts';
import { firstSpan, matchingWindow, nextSpan, typesPresent } from '../../store/export-rows.ts';
import { toldTypes } from '../../interactions/referenced.ts';
import { archives } from './archives.ts';
import type { Archiving } from './format.ts';

/** Counted at once. */
const most = 20_000;

export async function untoldTypes(archiving: Archiving, request: ExportRequest): Promise<string[]> {
  const archive = archives[formatOf(request)];
  if (archive === undefined) return [];
  const present = new Set(await typesPresent(archiving.context.session));
  const sentences: string[] = [];
  for (const type of request.types) {
    if (archive.roots.includes(type) || !present.has(type)) continue;
    const count = await countOf(archiving, type);
    const far = toldTypes.has(type) ? ', but for what messages that refer to them say' : '';
    if (count > 0) sentences.push(`${type}: ${count} not representable in ${archive.standard}; left out${far}.`);
  }
  return sentences;
}

async function countOf({ context, selecting, times }: Archiving, type: string): Promise<number> {
  const { access } = selecting;
  if (access(type) === undefined) return 0;
  const matching = { ...times, type, access, condition: selectionOf(type, selecting) };
  let count = 0;
  let span = firstSpan;
  for (let after: string | undefined = '0'; after !== undefined;) {
    const window: { count: number; next: string | undefined; changed: readonly unknown[] } = await matchingWindow(
      context.session,
      matching,
      { after, most, span },
    );
    span = nextSpan({ after, most, span }, window);
    count += window.count + window.changed.length;
    after = window.next;
  }
  return count;
}
