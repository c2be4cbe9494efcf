/**
 * What the writing entries of a transaction meet: the current versions, read and locked, and whether what the entries
 * demand of them holds.
 */
import type { EntryRequest } from '../fhir/bundle.ts';
import { OutcomeError, outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import { retryTransaction } from '../store/errors.ts';
import { readManyLocked, type Stored } from '../store/read.ts';
import type { Expectation } from '../store/write.ts';
import { may } from './access.ts';
import type { Call } from './call.ts';
import { mayUseOwnId, refusedUpdate } from './update.ts';
import { shutOut, standings } from './visible.ts';

export interface WritePlan {
  readonly kind: 'create' | 'update' | 'patch' | 'delete';
  readonly entry: EntryRequest;
  readonly call: Call;
  readonly type: string;
  readonly id: string;
  readonly expect: Expectation;
  /** The id was just made by us. */
  readonly fresh: boolean;
  /** The version that is there now. */
  readonly current?: Stored;
  /** The caller may change it, but not read it. */
  readonly hidden?: boolean;
  /** The version that deleted it, where that is what is there now: counting goes on from it. */
  readonly deletedAt?: number;
}

/** Runs a piece of planning; what it refuses tells which entry it was. */
export function inEntry<T>(entry: EntryRequest, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const at = `Bundle.entry[${entry.index}]`;
    if (!(error instanceof OutcomeError) || error.issues.some(({ diagnostics }) => diagnostics.startsWith(at))) {
      throw error;
    }
    const issues = error.issues.map((issue) => ({ ...issue, diagnostics: `${at}: ${issue.diagnostics}` }));
    throw new OutcomeError(issues, {
      headers: error.headers,
      ...(error.status !== undefined && { status: error.status }),
    });
  }
}

/** Reads and locks what the entries would change; decides what is only known now. */
export async function withCurrent(
  context: Context,
  writes: readonly WritePlan[],
  nothing: { entry: EntryRequest; call: Call }[],
): Promise<WritePlan[]> {
  const keys = writes
    .filter((write) => !write.fresh)
    .map((write) => ({ type: typeNumber(write.type) ?? -1, id: write.id }));
  const locked = new Map((await readManyLocked(context.session, keys)).map((one) => [`${one.type}/${one.id}`, one]));
  const found = await seenBy(context, writes, locked);
  const hidden = await hiddenFrom(context, writes, found);
  return writes.flatMap((write) => {
    const stored = write.fresh ? undefined : found.get(`${typeNumber(write.type)}/${write.id}`);
    const current = stored?.text === null ? undefined : stored;
    if (write.kind === 'delete' && current === undefined) {
      nothing.push({ entry: write.entry, call: write.call });
      return [];
    }
    if (write.kind === 'patch' && stored !== undefined && current === undefined) {
      throw outcomeError(
        'deleted',
        `Bundle.entry[${write.entry.index}]: ${write.type}/${write.id} was deleted; it cannot be changed.`,
      );
    }
    return [settled(context, hidden.has(stored) ? { ...write, hidden: true } : write, stored)];
  });
}

/** What of it the caller may see. @throws OutcomeError `forbidden` for what may be seen but not changed. */
async function seenBy(
  context: Context,
  writes: readonly WritePlan[],
  locked: ReadonlyMap<string, Stored>,
): Promise<Map<string, Stored>> {
  const found = new Map<string, Stored>();
  for (const permission of ['u', 'd'] as const) {
    const met = writes.flatMap((write) => {
      const stored = locked.get(`${typeNumber(write.type)}/${write.id}`);
      return !write.fresh && (write.kind === 'delete') === (permission === 'd') && stored ? [{ write, stored }] : [];
    });
    const standing = await standings(
      context,
      permission,
      met.map(({ stored }) => stored),
    );
    met.forEach(({ write: { entry, type, id }, stored }, i) => {
      if (standing[i] === 'shut') throw inEntryConflict(entry, shutOut(permission, `${type}/${id}`));
      if (standing[i] === 'open') found.set(`${stored.type}/${stored.id}`, stored);
    });
  }
  return found;
}

/** Of what would be patched, what the caller may not read: the answer must not show what the patch left. */
async function hiddenFrom(
  context: Context,
  writes: readonly WritePlan[],
  found: ReadonlyMap<string, Stored>,
): Promise<ReadonlySet<Stored | undefined>> {
  const patched = writes.flatMap((write) => {
    const stored = write.kind === 'patch' ? found.get(`${typeNumber(write.type)}/${write.id}`) : undefined;
    return stored === undefined ? [] : [stored];
  });
  const readable = await standings(context, 'r', patched);
  return new Set(patched.filter((_, i) => readable[i] !== 'open'));
}

function settled(context: Context, write: WritePlan, stored: Stored | undefined): WritePlan {
  const { kind, type, id, entry } = write;
  const current = stored?.text === null ? undefined : stored;
  checkExpected(write, current);
  if (current !== undefined) {
    return { ...write, current, expect: current.version };
  }
  if (kind === 'patch') {
    throw outcomeError('not-found', `Bundle.entry[${entry.index}]: there is no ${type}/${id} to patch.`);
  }
  const known = stored !== undefined && may(context, 'c', type);
  if (kind === 'update' && !known && !mayUseOwnId(context, type)) {
    throw outcomeError(
      'not-supported',
      `Bundle.entry[${entry.index}]: there is no ${type}/${id}, and you may not choose the id of a new one.`,
      {
        status: 405,
      },
    );
  }
  return { ...write, expect: 'absent', ...(stored && { deletedAt: stored.version }) };
}

/** @throws OutcomeError where what is there is not what the entry demands, or not what its criteria were to match. */
function checkExpected({ entry, call, type, id, expect }: WritePlan, current: Stored | undefined): void {
  const met = { any: true, known: true, absent: current === undefined, live: current !== undefined };
  if (typeof expect === 'number' ? current?.version === expect : met[expect]) {
    return;
  }
  if (call.target.id !== '') {
    throw inEntryConflict(
      entry,
      refusedUpdate(`${type}/${id}`, expect === 'any' || expect === 'known' ? undefined : expect),
    );
  }
  throw typeof expect === 'number'
    ? retryTransaction(`${type}/${id} was changed after it was found.`)
    : outcomeError(
        'conflict',
        `Bundle.entry[${entry.index}]: ${type}/${id} exists already and does not match the criteria.`,
      );
}

export function inEntryConflict(entry: EntryRequest, error: Error): Error {
  return inEntry(entry, () => {
    throw error;
  });
}
