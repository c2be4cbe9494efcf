/**
 * Changing what is there now: read, change, write back if nobody was faster; after a lost race, again with the row
 * locked, so that any number of writers get through one after the other.
 */
import { outcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import { readManyLocked, type Stored } from '../store/read.ts';
import type { WriteMethod } from '../store/write.ts';
import type { WriteResult } from './answers.ts';
import { opened } from './binary-sealed.ts';
import { commit, inTransaction } from './commit.ts';
import { current } from './current.ts';
import { parseStored } from './document.ts';
import { versionConflict } from './headers.ts';
import { plainAccessOf } from './access.ts';
import { prepare, writeResult } from './prepare.ts';
import { shutOut, standings } from './visible.ts';

export interface Changing {
  readonly type: string;
  readonly id: string;
  readonly method: WriteMethod;
  /** The version that If-Match demands. */
  readonly expected?: number | undefined;
  /** The changed resource; pure, as it may run twice. */
  readonly change: (resource: JsonObject) => JsonObject;
}

/** @throws OutcomeError 404, 410 or 412, or what validation finds in the changed resource. */
export async function changeCurrent(context: Context, changing: Changing): Promise<WriteResult> {
  const key = { type: typeNumber(changing.type) ?? -1, id: changing.id };
  const first = isConditional(context, changing.type)
    ? undefined
    : await attempt(context, changing, await current(context, key));
  return (
    first ??
    inTransaction(context, async (inside) => {
      const [locked] = await readManyLocked(inside.session, [key]);
      const met = locked && (await changeable(inside, changing, locked));
      const second = await attempt(inside, changing, met?.stored);
      if (second === undefined) {
        throw new Error('A locked resource was changed by another.');
      }
      return met === undefined ? second : { ...second, hidden: met.hidden };
    })
  );
}

/** Whether conditions limit what the caller may change, or see of it afterwards. */
function isConditional(context: Context, type: string): boolean {
  const kinds = (['u', 'r'] as const).map((permission) => plainAccessOf(context, permission)(type)?.kind ?? 'all');
  return kinds.some((kind) => kind !== 'all');
}

/** What the caller may change; undefined where that is nothing the caller sees. @throws OutcomeError `forbidden` */
async function changeable(
  context: Context,
  { type, id }: Changing,
  locked: Stored,
): Promise<{ stored: Stored; hidden: boolean } | undefined> {
  const [standing] = await standings(context, 'u', [locked]);
  if (standing === 'shut') throw shutOut('u', `${type}/${id}`);
  const [readable] = await standings(context, 'r', [locked]);
  return standing === 'open' ? { stored: locked, hidden: readable !== 'open' } : undefined;
}

async function attempt(
  context: Context,
  changing: Changing,
  stored: Stored | undefined,
): Promise<WriteResult | undefined> {
  const { type, id, method, expected, change } = changing;
  if (stored === undefined) {
    throw outcomeError('not-found', `There is no ${type}/${id.slice(0, 64)}.`);
  }
  if (stored.text === null) {
    throw outcomeError('deleted', `${type}/${id} was deleted; it cannot be changed.`);
  }
  if (expected !== undefined && stored.version !== expected) {
    throw versionConflict(expected);
  }
  const { text } = await opened(context, stored);
  const prepared = prepare(context, change(parseStored(text ?? '')), { id, method, expect: stored.version });
  const written = await commit(context, prepared);
  return written && writeResult(prepared, written);
}
