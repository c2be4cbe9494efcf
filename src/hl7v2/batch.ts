/**
 * Batches: FHS (BHS (MSH…)* BTS)* FTS. HL7 v2.5.1 §2.10.3. Segments between belong to the message that MSH began; headers
 * and trailers of the batch to none.
 */
import { fieldsOf, type Message, type Segment } from './message.ts';

export interface Batch {
  readonly messages: readonly Message[];
  /** How many the trailers BTS tell of (BTS-1); undefined where one of them does not, or there is none. */
  readonly told: number | undefined;
}

const enclosing: ReadonlySet<string> = new Set(['FHS', 'BHS', 'BTS', 'FTS']);

/** The messages of a text that may hold several, batch or not. */
export function splitBatch(whole: Message): Batch {
  const messages: { delimiters: Message['delimiters']; segments: Segment[] }[] = [];
  const counts: number[] = [];
  let open: Segment[] | undefined;
  for (const segment of whole.segments) {
    if (enclosing.has(segment.name)) {
      open = undefined;
      if (segment.name === 'BTS') counts.push(countOf(fieldsOf(whole.delimiters, segment)[1] ?? ''));
    } else if (segment.name === 'MSH') {
      open = [segment];
      messages.push({ delimiters: whole.delimiters, segments: open });
    } else {
      open?.push(segment);
    }
  }
  const told = counts.reduce((sum, count) => sum + count, 0);
  return { messages, told: counts.length === 0 || Number.isNaN(told) ? undefined : told };
}

function countOf(text: string): number {
  return /^\d{1,7}$/.test(text.trim()) ? Number(text) : Number.NaN;
}

export function isBatch({ segments }: Message): boolean {
  return segments.some(({ name }) => enclosing.has(name)) || segments.filter(({ name }) => name === 'MSH').length > 1;
}
