/**
 * Who writes under conditions: what is there must meet those of changing or deleting, and what is written those of
 * creating or changing. Asked of the rows themselves, before and after the write and inside its transaction, so that no
 * way of writing can pass it by.
 */
import type { Permission } from '../access/scopes.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { typeName } from '../fhir/resource-types.ts';
import type { Context } from '../request.ts';
import { readManyLocked, type Key } from '../store/read.ts';
import { visibleRids } from '../store/visible.ts';
import type { WriteEntry, Written } from '../store/write.ts';
import { plainAccessOf } from './access.ts';
import { shutOut, standings } from './visible.ts';

/** Whether conditions limit the writing of this entry; without, it needs no transaction. */
export function isBound(context: Context, { type, method, fresh }: WriteEntry): boolean {
  const kind = (permission: Permission): string | undefined => plainAccessOf(context, permission)(typeName(type))?.kind;
  const open = (permission: Permission): boolean => kind(permission) === 'all';
  if (method === 'DELETE') return !open('d');
  if (fresh === true) return !open('c');
  return !open('u') || (method !== 'PATCH' && kind('c') !== undefined && !open('c'));
}

/**
 * Locks what is there and tells which entries must not be written because the caller does not see it: what demands that
 * it is there meets nothing.
 * @throws OutcomeError `forbidden` where the caller sees it but may not change it, or would write over what is not seen.
 */
export async function unseenEntries(
  context: Context,
  entries: readonly WriteEntry[],
): Promise<ReadonlySet<WriteEntry>> {
  const bound = entries.filter((entry) => entry.fresh !== true && isBound(context, entry));
  if (bound.length === 0) return new Set();
  const unseen = new Set<WriteEntry>();
  const stored = new Map(
    (await readManyLocked(context.session, bound)).map((one) => [`${one.type}/${one.id}`, one] as const),
  );
  for (const permission of ['u', 'd'] as const) {
    const met = bound.flatMap((entry) => {
      const there = stored.get(`${entry.type}/${entry.id}`);
      return (entry.method === 'DELETE') === (permission === 'd') && there ? [{ entry, there }] : [];
    });
    const found = await standings(
      context,
      permission,
      met.map(({ there }) => there),
    );
    met.forEach(({ entry }, i) => {
      if (found[i] === 'shut') throw about(entry, shutOut(permission, `${typeName(entry.type)}/${entry.id}`));
      if (found[i] === 'unseen') unseen.add(checkUnseen(entry));
    });
  }
  return unseen;
}

/** @throws OutcomeError where nothing but what is there, unseen, keeps the entry from being written. */
function checkUnseen(entry: WriteEntry): WriteEntry {
  const { method, expect } = entry;
  if (method === 'DELETE' || expect === 'live' || typeof expect === 'number') return entry;
  const name = `${typeName(entry.type)}/${entry.id}`;
  throw about(entry, outcomeError('forbidden', `Your scopes do not allow writing ${name}; choose another id.`));
}

const places = new WeakMap<Error, Key>();

function about({ type, id }: Key, error: Error): Error {
  places.set(error, { type, id });
  return error;
}

/** The resource whose writing was refused here. */
export function refusedPlace(error: unknown): Key | undefined {
  return error instanceof Error ? places.get(error) : undefined;
}

/** @throws OutcomeError `forbidden` where what was written does not meet the conditions of writing it. */
export async function checkWritten(
  context: Context,
  entries: readonly WriteEntry[],
  written: readonly (Written | undefined)[],
): Promise<void> {
  const done = entries.flatMap((entry, i) => {
    const result = written[i];
    return result === undefined || entry.method === 'DELETE'
      ? []
      : [
          {
            type: entry.type,
            id: entry.id,
            rid: result.rid,
            permission: result.created ? ('c' as const) : ('u' as const),
          },
        ];
  });
  for (const permission of ['c', 'u'] as const) {
    const access = plainAccessOf(context, permission);
    const asked = done.filter((one) => one.permission === permission && access(typeName(one.type))?.kind !== 'all');
    const visible = await visibleRids(context.session, asked, access);
    const refused = asked.find(({ rid }) => !visible.has(rid));
    if (refused !== undefined) throw about(refused, notMet(permission, typeName(refused.type)));
  }
}

function notMet(permission: 'c' | 'u', type: string): Error {
  const deed = permission === 'c' ? `creating this ${type}` : `changing this ${type} so`;
  return outcomeError(
    'forbidden',
    `Your scopes do not allow ${deed}: its content does not meet the conditions of your scopes for ${type}.${permission}.`,
  );
}
