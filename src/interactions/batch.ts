/** A batch: each entry for itself, as if it had come alone. https://hl7.org/fhir/R4/http.html#brules */
import { bundleText, type BundleEntry } from '../fhir/bundle-text.ts';
import { inPhases, phaseOf, readPhase, type EntryRequest } from '../fhir/bundle.ts';
import type { Answer, Context } from '../request.ts';
import type { Call } from './call.ts';
import { makeAllowance, type Allowance } from './allowance.ts';
import { answerEntry, entryPreference, entryRequest } from './entry.ts';
import { failureAnswer } from './failure.ts';
import { outcomeError } from '../fhir/outcome.ts';

/** Entries of one batch under way at once; each may hold a connection. */
const lanes = 8;

export async function batch(context: Context, call: Call, entries: readonly EntryRequest[]): Promise<Answer> {
  const answers = new Array<BundleEntry>(entries.length);
  const serving: Serving = { context, prefer: entryPreference(call), allowance: makeAllowance() };
  // Entries must not depend on each other; the order of a transaction is kept all the same, so that a batch is
  // predictable.
  for (const phase of inPhases(entries)) {
    const waiting = [...phase];
    const lane = async (): Promise<void> => {
      for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
        answers[entry.index] = await answerOf(serving, entry);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }
  return { status: 200, text: bundleText({ type: 'batch-response' }, answers) };
}

interface Serving {
  readonly context: Context;
  readonly prefer: string;
  readonly allowance: Allowance;
}

async function answerOf({ context, prefer, allowance }: Serving, entry: EntryRequest): Promise<BundleEntry> {
  try {
    if (entry.segments.length === 0 && entry.method === 'POST') {
      throw outcomeError('not-supported', 'A Bundle must not contain a batch or transaction to be processed.', {
        status: 400,
      });
    }
    const serve = (): Promise<Answer> => context.door.serve(context, entryRequest(entry, prefer));
    return answerEntry(await (phaseOf(entry) === readPhase ? allowance.read(serve) : serve()));
  } catch (error) {
    return answerEntry(failureAnswer(error, context.requestId, context.server.log));
  }
}
