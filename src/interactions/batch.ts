/** A batch: each entry for itself, as if it had come alone. https://hl7.org/fhir/R4/http.html#brules */
import { bundleText, type BundleEntry } from '../fhir/bundle-text.ts';
import { inPhases, type EntryRequest } from '../fhir/bundle.ts';
import type { Answer, Context } from '../request.ts';
import type { Call } from './call.ts';
import { answerEntry, entryRequest } from './entry.ts';
import { failureAnswer } from './failure.ts';
import { outcomeError } from '../fhir/outcome.ts';

/** Entries of one batch under way at once; each may hold a connection. */
const lanes = 8;

export async function batch(context: Context, call: Call, entries: readonly EntryRequest[]): Promise<Answer> {
  const answers = new Array<BundleEntry>(entries.length);
  // Entries must not depend on each other; the order of a transaction is kept all the same, so that a batch is
  // predictable.
  for (const phase of inPhases(entries)) {
    const waiting = [...phase];
    const lane = async (): Promise<void> => {
      for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
        answers[entry.index] = await answerOf(context, call, entry);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }
  return { status: 200, text: bundleText({ type: 'batch-response' }, answers) };
}

async function answerOf(context: Context, call: Call, entry: EntryRequest): Promise<BundleEntry> {
  try {
    if (entry.segments.length === 0 && entry.method === 'POST') {
      throw outcomeError('not-supported', 'A Bundle must not contain a batch or transaction to be processed.', { status: 400 });
    }
    const prefer = call.headers['prefer'] ?? 'return=minimal';
    return answerEntry(await context.door.serve(context, entryRequest(entry, prefer)));
  } catch (error) {
    return answerEntry(failureAnswer(error, context.requestId, context.server.log));
  }
}
