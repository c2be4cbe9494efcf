/** The links of a page of a search, and what the cursors in them belong to. */
import type { Link } from '../fhir/bundle-text.ts';
import type { Context, Parameters } from '../request.ts';
import type { Call } from './call.ts';
import { sealCursor } from './cursor.ts';

export interface Paging {
  readonly context: Context;
  readonly call: Call;
  /** Which kind of search: a cursor of one is none of another. */
  readonly kind: 'search' | 'audit';
  /** What was processed, without the cursor. */
  readonly shown: Parameters;
}

export type CursorValues = readonly (string | null)[];

export interface PageLinks {
  /** The cursor of this page; the first page has none. */
  readonly current: string | undefined;
  readonly previous: CursorValues | undefined;
  readonly next: CursorValues | undefined;
}

/** What a cursor belongs to. */
export function scopeOf({ call, kind, shown }: Paging): string {
  return JSON.stringify([kind, pathOf(call), shown]);
}

function pathOf(call: Call): readonly string[] {
  return call.segments.filter((segment) => segment !== '_search');
}

export function linksOf(paging: Paging, page: PageLinks): Link[] {
  const { context, call, shown } = paging;
  const path = [context.base, ...pathOf(call).map(encodeURIComponent)].join('/');
  const url = (cursor?: string): string => {
    const pairs = shown.map(([name, value]): [string, string] => [name, value]);
    const query = new URLSearchParams(cursor === undefined ? pairs : [...pairs, ['_cursor', cursor]]).toString();
    return query === '' ? path : `${path}?${query}`;
  };
  const at = (values: CursorValues | undefined): string | undefined =>
    values && url(sealCursor(context, scopeOf(paging), values));
  const links = { self: url(page.current), first: url(), previous: at(page.previous), next: at(page.next) };
  return Object.entries(links).flatMap(([relation, link]) =>
    link === undefined ? [] : [{ relation: relation as Link['relation'], url: link }],
  );
}
