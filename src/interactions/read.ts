/** read and conditional read, also as HEAD. https://hl7.org/fhir/R4/http.html#read */
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Answer, Context } from '../request.ts';
import type { Stored } from '../store/read.ts';
import { plainAccessOf } from './access.ts';
import { storedAnswer } from './answers.ts';
import { entryOfOne } from './audited.ts';
import type { Call } from './call.ts';
import { allowParameters } from './headers.ts';
import { askedSubset } from './subset.ts';
import { visibleCurrent } from './visible.ts';

export async function read(context: Context, call: Call): Promise<Answer> {
  allowParameters(call, ['_summary', '_elements']);
  // What can be refused is refused before the event says that it was answered.
  askedSubset(call);
  return storedAnswer(context, call, present(call.target, await shown(context, call.target)));
}

interface Name {
  readonly type: string;
  readonly id: string;
}

/** The current version, deletions included. @throws OutcomeError `not-found`, also for what the caller may not see. */
export async function existing(context: Context, name: Name): Promise<Stored> {
  return present(name, await visibleCurrent(context, keyOf(name)));
}

/**
 * The same with its event stored by the statement that reads, where it asks for no conditions: in a statement of its own the
 * event would cost as much again as the read.
 */
async function shown(context: Context, name: Name): Promise<Stored | undefined> {
  const access = plainAccessOf(context, 'r');
  if (context.inTransaction || access(name.type)?.kind !== 'all') return visibleCurrent(context, keyOf(name), access);
  const audit = await entryOfOne(context);
  const stored = await context.server.reads.submit(context.tenant.id, { ...keyOf(name), ...(audit && { audit }) });
  if (audit !== undefined && stored !== undefined && stored.text !== null) context.trail.stored = true;
  return stored;
}

function keyOf({ type, id }: Name): { type: number; id: string } {
  return { type: typeNumber(type) ?? -1, id };
}

function present({ type, id }: Name, stored: Stored | undefined): Stored {
  if (stored === undefined) throw outcomeError('not-found', `There is no ${type}/${id.slice(0, 64)}.`);
  return stored;
}
