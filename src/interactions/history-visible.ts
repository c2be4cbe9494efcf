/**
 * The part of a history that a caller with conditions may see.
 *
 * 1. Who may not see a resource as it is now sees none of its versions; a deleted resource is what it was before.
 * 2. Of the others each version is shown that would be seen if it were the current one (store/as-if.ts).
 * 3. One request looks at `mostScanned` versions at most; where the page is not full by then, it has a next one.
 */
import type { Context } from '../request.ts';
import type { Access } from '../search/ast.ts';
import {
  readHistory,
  readVersions,
  type HistoryPosition,
  type HistoryQuery,
  type HistoryVersion,
} from '../store/history.ts';
import { isFull } from '../store/size.ts';
import { areVisible } from './as-if.ts';

/** A guess: each version that is not current costs about 0.3 ms. */
const mostScanned = 2_000;

export interface VisibleHistory {
  readonly versions: readonly HistoryVersion[];
  /** Where to go on, if there may be more. */
  readonly next: HistoryPosition | undefined;
}

/** The first `query.count` versions that the caller may see. */
export async function visibleHistory(context: Context, query: HistoryQuery, access: Access): Promise<VisibleHistory> {
  const versions: HistoryVersion[] = [];
  let { after } = query;
  for (let scanned = 0; scanned < mostScanned;) {
    const chunk = await readHistory(context.session, { ...query, ...(after && { after }), count: query.count + 1 });
    const last = chunk.at(-1);
    versions.push(...(await visibleOf(context, chunk, access)));
    if (versions.length > query.count) {
      const shown = versions.slice(0, query.count);
      return { versions: shown, next: positionOf(shown.at(-1)) };
    }
    if (last === undefined || (chunk.length <= query.count && !isFull(chunk))) return { versions, next: undefined };
    scanned += chunk.length;
    after = positionOf(last);
  }
  return { versions, next: after };
}

function positionOf(version: HistoryVersion | undefined): HistoryPosition | undefined {
  return version && { lastUpdated: version.lastUpdated, rid: version.rid, version: version.version };
}

/** How many there are; undefined where that is too much to look at. */
export async function countVisible(context: Context, query: HistoryQuery, access: Access): Promise<number | undefined> {
  const { after: _after, ...whole } = query;
  const { versions, next } = await visibleHistory(context, { ...whole, count: mostScanned - 1 }, access);
  return next === undefined ? versions.length : undefined;
}

async function visibleOf(
  context: Context,
  versions: readonly HistoryVersion[],
  access: Access,
): Promise<HistoryVersion[]> {
  // The statement has seen to the current versions of live resources.
  const asked = versions.filter((version) => !isCurrent(version));
  const gone = new Map(asked.filter(({ now }) => now.deleted).map((version) => [version.rid, version]));
  const lastOnes = await readVersions(
    context.session,
    [...gone.values()].map(({ rid, now }) => ({ rid, version: now.version - 1 })),
  );
  const visible = await areVisible(context, [...asked, ...lastOnes], access);
  const seen = new Set(asked.filter((_, i) => visible[i]));
  const wereSeen = new Set(lastOnes.filter((_, i) => visible[asked.length + i]).map(({ rid }) => rid));
  return versions.filter(
    (version) => isCurrent(version) || (seen.has(version) && (!version.now.deleted || wereSeen.has(version.rid))),
  );
}

function isCurrent({ version, now }: HistoryVersion): boolean {
  return !now.deleted && version === now.version;
}
