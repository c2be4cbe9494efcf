/** Specimens and orders that a step is about, as far as the caller may see them. */
import { outcomeError } from '../../fhir/outcome.ts';
import { typeNumber } from '../../fhir/resource-types.ts';
import { parseStored } from '../../interactions/document.ts';
import { findMatches } from '../../interactions/matches.ts';
import { visibleCurrent } from '../../interactions/visible.ts';
import type { Context } from '../../request.ts';
import type { Known } from './server-rights.ts';

/** @throws OutcomeError `not-found` (404), also for what the caller may not see. */
export async function known(context: Context, type: string, id: string): Promise<Known> {
  const stored = await visibleCurrent(context, { type: typeNumber(type) ?? -1, id });
  if (stored === undefined || stored.text === null)
    throw outcomeError('not-found', `There is no ${type}/${id.slice(0, 64)}.`);
  return { resource: parseStored(stored.text), version: stored.version };
}

/** All of some references of a type. @throws OutcomeError `not-found` for the first that is not there. */
export async function knownAll(context: Context, type: string, references: readonly string[]): Promise<Known[]> {
  const ids = [...new Set(references.map((reference) => reference.split('/')[1] ?? ''))];
  if (ids.length === 0) return [];
  const found = await findMatches(context, type, [['_id', ids.join()]], ids.length);
  const byId = new Map(found.map((match) => [match.id, match]));
  return ids.map((id) => {
    const match = byId.get(id);
    if (match === undefined) throw outcomeError('not-found', `There is no ${type}/${id}.`);
    return { resource: parseStored(match.text), version: match.version };
  });
}

/** What criteria find. */
export async function knownBy(
  context: Context,
  type: string,
  criteria: readonly (readonly [string, string])[],
): Promise<Known[]> {
  const found = await findMatches(context, type, criteria, 500);
  return found.map(({ text, version }) => ({ resource: parseStored(text), version }));
}
