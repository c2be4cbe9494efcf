/**
 * What the log tells of a transaction that failed: none of it was done, but it was asked for.
 *
 * 1. The entry that failed has an event of its own: what it asked for, with the outcome and the reason.
 * 2. The event of the Bundle names the resources that its entries named.
 *
 * Decision: no event for each of the other entries. They would be up to 10,000 for one request that did nothing, and say
 * no more than the Bundle's.
 */
import type { EntryRequest } from '../fhir/bundle.ts';
import { OutcomeError } from '../fhir/outcome.ts';
import { isId } from '../fhir/reference.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import { entryRequest } from './entry.ts';

export async function auditFailedTransaction(
  context: Context,
  entries: readonly EntryRequest[],
  error: unknown,
): Promise<void> {
  for (const { segments } of entries) {
    const [type = '', id = ''] = segments;
    if (typeNumber(type) === undefined || !isId(id)) continue;
    context.trail.touched.push({ type, id });
    if (type === 'Patient') context.trail.patients.add(id);
  }
  const failed = entries.find(({ index }) => index === placeOf(error));
  if (failed !== undefined) await context.door.refused(context, entryRequest(failed, undefined), error);
}

/** The index of the entry that a refusal names: each begins with it, or has it as its expression. */
function placeOf(error: unknown): number | undefined {
  if (!(error instanceof OutcomeError)) return undefined;
  const [issue] = error.issues;
  const texts = [issue?.diagnostics, ...(issue?.expression ?? [])];
  const found = texts.map((text) => /^Bundle\.entry\[(\d+)\]/.exec(text ?? '')?.[1]).find((one) => one !== undefined);
  return found === undefined ? undefined : Number(found);
}
