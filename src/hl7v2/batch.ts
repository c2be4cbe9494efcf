/**
 * Batches: FHS (BHS (MSH…)* BTS)* FTS. HL7 v2.5.1 §2.10.3. Segments between belong to the message that MSH began; headers
 * and trailers of the batch to none.
 */
import type { Message, Segment } from './message.ts';

export interface Batch {
  readonly messages: readonly Message[];
  /** What stands before the first message and between messages. */
  readonly around: readonly Segment[];
  /** BTS-1 and FTS-1 as they came, where they are there. */
  readonly counts: readonly { readonly segment: string; readonly index: number }[];
}

const enclosing: ReadonlySet<string> = new Set(['FHS', 'BHS', 'BTS', 'FTS']);

/** The messages of a text that may hold several, batch or not. */
export function splitBatch(whole: Message): Batch {
  const messages: { delimiters: Message['delimiters']; segments: Segment[] }[] = [];
  const around: Segment[] = [];
  const counts: { segment: string; index: number }[] = [];
  let open: Segment[] | undefined;
  whole.segments.forEach((segment, index) => {
    if (enclosing.has(segment.name)) {
      open = undefined;
      around.push(segment);
      if (segment.name.endsWith('TS')) counts.push({ segment: segment.name, index });
    } else if (segment.name === 'MSH') {
      open = [segment];
      messages.push({ delimiters: whole.delimiters, segments: open });
    } else {
      (open ?? around).push(segment);
    }
  });
  return { messages, around, counts };
}

export function isBatch({ segments }: Message): boolean {
  return segments.some(({ name }) => enclosing.has(name)) || segments.filter(({ name }) => name === 'MSH').length > 1;
}
