/**
 * Storing the lines of a file, a batch in one transaction with how far the import is, so that a batch is stored once
 * whenever a process dies. While the database writes two batches the next is read and validated: one connection of
 * PostgreSQL writes 3,000 to 7,000 resources a second, which one core validates twice as fast.
 *
 * 1. A line that cannot be stored is refused by itself; the others of its batch are stored.
 * 2. A batch names no resource twice: the later line of a file wins, as a version of its own. Two that name the same are
 *    not written at a time.
 * 3. Batches end in their order: one says how far the import is only when the one before it is stored.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { commitAll, inTransaction } from '../interactions/commit.ts';
import { isBound } from '../interactions/write-access.ts';
import { newId } from '../interactions/new-id.ts';
import { prepare, type Prepared } from '../interactions/prepare.ts';
import { newTrail } from '../interactions/trail.ts';
import type { Context } from '../request.ts';
import { keepImported, usedIds, type Place, type Refusal } from '../store/imports.ts';
import type { Written } from '../store/write.ts';
import { movedTo } from './identifiers.ts';
import { batchesOf, nameOf, refusing, type Batch, type Loading } from './batches.ts';
import { refusalOf } from './read-line.ts';

interface Ready {
  readonly prepared: readonly { readonly line: number; readonly change: Prepared }[];
  readonly refusals: readonly Refusal[];
  readonly place: Place;
}

/** Resources that are validated before others get their turn: some 5 ms. */
const between = 50;

/** Goes on from a place until the time is over or the file ends; gives where it is then, undefined at the end of the file. */
export async function loadSome(loading: Loading, from: Place, until: number): Promise<Place | undefined> {
  let under: Writing[] = [];
  let place: Place | undefined = from;
  try {
    for await (const batch of batchesOf(loading, from)) {
      const ready = await prepared(loading, batch);
      while (under.length > 0 && (under.length >= atOnce || mustWait(loading, ready, under))) await under.shift()?.done;
      const done = write(loading, ready, { before: place, former: under.at(-1)?.done });
      // What it was refused for is heard below: a rejection that nobody waits for yet would end the process.
      done.catch(() => undefined);
      under.push({ done, keys: keysOf(ready) });
      place = batch.end ? undefined : batch.place;
      if (batch.end || Date.now() >= until) break;
    }
    for (const { done } of under) await done;
    under = [];
    return place;
  } finally {
    await Promise.allSettled(under.map(({ done }) => done));
  }
}

interface Writing {
  readonly done: Promise<void>;
  readonly keys: ReadonlySet<string>;
}

/** Batches that are written at the same time. */
const atOnce = 2;

function keysOf({ prepared: entries }: Ready): Set<string> {
  return new Set(entries.map(({ change }) => `${change.type}/${change.entry.id}`));
}

/** What is written may decide what may be written after it: where references are kept whole, and under conditions. */
function mustWait({ context }: Loading, { prepared: entries }: Ready, under: readonly Writing[]): boolean {
  return (
    context.tenant.settings.referentialIntegrity === true ||
    entries.some(
      ({ change }) =>
        dependent.has(change.type) ||
        isBound(context, change.entry) ||
        under.some(({ keys }) => keys.has(`${change.type}/${change.entry.id}`)),
    )
  );
}

/** These change how others are written. */
const dependent: ReadonlySet<string> = new Set(['Consent', 'Endpoint', 'SearchParameter']);

async function prepared(loading: Loading, batch: Batch): Promise<Ready> {
  const { context, request } = loading;
  const moved = await movedTo(loading, batch.read);
  const refusals = [...batch.refusals];
  const done: { line: number; change: Prepared }[] = [];
  const file = nameOf(request, batch.place.file);
  for (const [i, { line, resource }] of batch.read.entries()) {
    if (i % between === between - 1) await turn();
    const change = refusing(refusals, { file, line }, () => {
      const own = moved(resource);
      const id = typeof own['id'] === 'string' ? own['id'] : newId();
      return {
        ...prepare(context, { ...own, id }, { id, method: 'PUT', expect: 'any' }),
        authority: 'import' as const,
      };
    });
    if (change !== undefined) done.push({ line, change });
  }
  return { prepared: done, refusals, place: batch.place };
}

/** One by one where they cannot be stored together, so that the line that cannot is the only one that is not. */
async function write(
  loading: Loading,
  ready: Ready,
  { before, former }: { readonly before: Place | undefined; readonly former: Promise<void> | undefined },
): Promise<void> {
  try {
    await writeTogether(loading, ready, former);
  } catch (error) {
    await former;
    if (!(error instanceof OutcomeError) || isPassing(error)) throw error;
    await writeApart(loading, ready, before ?? ready.place);
  }
}

async function writeApart(loading: Loading, ready: Ready, before: Place): Promise<void> {
  for (const one of ready.prepared) {
    const alone: Ready = { prepared: [one], refusals: [], place: before };
    try {
      await writeTogether(loading, alone);
    } catch (error) {
      if (!(error instanceof OutcomeError) || isPassing(error)) throw error;
      const place = { file: nameOf(loading.request, ready.place.file), line: one.line };
      await writeTogether(loading, {
        ...alone,
        prepared: [],
        refusals: [{ line: one.line, outcome: refusalOf(error, place) }],
      });
    }
  }
  await writeTogether(loading, { ...ready, prepared: [] });
}

function isPassing(error: OutcomeError): boolean {
  return ['transient', 'lock-error', 'timeout', 'no-store', 'throttled'].includes(error.issues[0]?.code ?? '');
}

async function writeTogether({ context, id, request }: Loading, ready: Ready, former?: Promise<void>): Promise<void> {
  const { prepared: entries, refusals, place } = ready;
  const asked: Context = { ...context, trail: newTrail({ kind: 'import-stored', deed: '$import' }) };
  await inTransaction(asked, async (inside) => {
    const counts: Record<string, number> = {};
    const rids: string[] = [];
    const written = request.dryRun
      ? []
      : await stored(
          inside,
          entries.map(({ change }) => change),
        );
    entries.forEach(({ change }, i) => {
      if (!request.dryRun && written[i] === undefined) {
        throw outcomeError('conflict', `${change.type}/${change.entry.id} cannot be written.`);
      }
      counts[change.type] = (counts[change.type] ?? 0) + 1;
      const rid = written[i]?.rid;
      if (rid !== undefined) rids.push(rid);
    });
    const line = entries[0]?.line ?? place.line;
    await former;
    if (!(await keepImported(inside.session, { id, place, counts, refusals, rids }, { file: place.file, line }))) {
      throw outcomeError('not-found', 'The import was cancelled.');
    }
  });
}

/** What is new is written by the statement for new ids, which looks for nothing: twice as fast. */
async function stored(inside: Context, changes: readonly Prepared[]): Promise<(Written | undefined)[]> {
  if (changes.length === 0) return [];
  const used = await usedIds(
    inside.session,
    changes.map(({ entry }) => entry),
  );
  const isUsed = ({ entry }: Prepared): boolean => used.has(`${entry.type}/${entry.id}`);
  const known = changes.filter(isUsed);
  const fresh = changes
    .filter((change) => !isUsed(change))
    .map((change) => ({ ...change, entry: { ...change.entry, fresh: true } }));
  const results = new Map<string, Written | undefined>();
  for (const some of [known, fresh]) {
    if (some.length === 0) continue;
    const written = await commitAll(inside, some);
    some.forEach(({ entry }, i) => results.set(`${entry.type}/${entry.id}`, written[i]));
  }
  return changes.map(({ entry }) => results.get(`${entry.type}/${entry.id}`));
}
