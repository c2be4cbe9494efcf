/**
 * Runs searches: a page with its includes and its total, or the few matches of a conditional interaction.
 */
import { outcomeError } from '../fhir/outcome.ts';
import { resourceTypes, typeName } from '../fhir/resource-types.ts';
import { drivenByAccess } from '../search/access-driven.ts';
import type { Include, Search } from '../search/ast.ts';
import { compileContained, countContained, type SearchWithin } from '../search/compile-contained.ts';
import { compileInclude, compileRevinclude } from '../search/compile-include.ts';
import {
  compileCandidates,
  compileCount,
  compileSearch,
  smallestSet,
  type PageOptions,
  type SetRow,
  type Position,
} from '../search/compile.ts';
import { effort, stepsOf, type Effort } from '../search/strategy.ts';
import { withContainedTargets } from './chain-targets.ts';
import { containedFromRow, type ContainedRow } from './contained.ts';
import type { Session } from './pool.ts';
import { storedFromRow, type Stored, type StoredRow } from './read.ts';
import { withBareEvent, withEvent, type SearchEvent } from './search-event.ts';
import { isFull, withinSize } from './size.ts';
import { sql, type Sql } from './sql.ts';
import { withValueSets } from './value-sets.ts';

export interface SearchPage {
  readonly matches: readonly Stored[];
  readonly included: readonly Stored[];
  /** Exact; absent where it was not asked for or not worth its price. */
  readonly total: number | undefined;
  /** Where the page after and the page before begin. */
  readonly next: Position | undefined;
  readonly previous: Position | undefined;
  /** The includes reached their cap: what is missing is said in the answer. */
  readonly truncated: boolean;
  /** The event that was given is stored. */
  readonly audited: boolean;
}

export interface Running {
  readonly bounds?: Effort | undefined;
  /** To be stored by the statement that finds the page, where no other follows it. */
  readonly event?: SearchEvent | undefined;
}

/** Resources included with one page. */
const mostIncluded = 1_000;
/** `:iterate` follows this many steps. */
const mostSteps = 8;
/** `_total=estimate` counts this far; more is left unsaid, because a wrong number is worse than none. */
const estimated = 10_000;

/** One page of a search, from its beginning or from a position that an earlier page gave. */
export async function runSearch(
  session: Session,
  parsed: Search,
  position?: Position,
  { bounds, event }: Running = {},
): Promise<SearchPage> {
  const search = await resolved(session, parsed);
  if (search.types.length === 0) return { ...nothing, total: 0 };
  // GraphQL comes here; nothing found would be a wrong answer.
  if (search.types.length === 1 && search.types[0] === 'AuditEvent') {
    throw outcomeError('not-supported', 'The audit log is searched by AuditEvent?… only.', { status: 400 });
  }
  const storing = event && isOneStatement(search, position) ? { tenant: session.tenant, event } : undefined;
  const audited = storing !== undefined;
  if (search.count === 0) {
    const counting = countSql(search, session.tenant);
    return { ...nothing, audited, total: await count(session, storing ? withBareEvent(counting, storing) : counting) };
  }
  const options = { limit: search.count + 1, position };
  const within = (page: Sql, least: number): Sql =>
    storing ? withEvent(withinSize(page), { count: search.count, least }, storing) : withinSize(page);
  const rows = isWithin(search)
    ? await session.query<PageRow>(withinSize(compileContained(search, session.tenant, options)))
    : await findRows(session, search, options, { bounds, within });
  const { page, next, previous } = cutPage(rows, search.count, position);
  const matches = page.map(isWithin(search) ? (row) => containedFromRow(row as ContainedRow & PageRow) : storedFromRow);
  const { included, truncated } = await follow(session, search, matches);
  const whole = position === undefined && next === undefined;
  return {
    matches,
    included,
    truncated,
    audited,
    next,
    previous,
    total: whole ? matches.length : await totalOf(session, search),
  };
}

/** With what only the laboratory's data can tell. */
async function resolved(session: Session, search: Search): Promise<Search> {
  return withContainedTargets(session, await withValueSets(session, search));
}

const nothing = {
  matches: [],
  included: [],
  next: undefined,
  previous: undefined,
  truncated: false,
  audited: false,
};

/** Whether the page or the count is all that is asked of the database, and the rows come in the order they are shown. */
function isOneStatement(search: Search, position?: Position): boolean {
  if (search.count === 0) return true;
  return (
    search.includes.length === 0 && search.total === 'none' && !isWithin(search) && position?.direction !== 'previous'
  );
}

/** What is put round the statement of a page; with fewer rows than `least` the page is thrown away. */
type Within = (page: Sql, least: number) => Sql;

/** Bounded looks for the page and counts of the sets that it could start from (search/strategy.ts); then the page. */
async function findRows(
  session: Session,
  asked: Search,
  options: PageOptions,
  { bounds = effort, within = whole }: { bounds?: Effort | undefined; within?: Within } = {},
): Promise<PageRow[]> {
  const { tenant } = session;
  const search = drivenByAccess(asked);
  const page = (more: Partial<PageOptions>, least = 0): Promise<PageRow[]> =>
    session.query<PageRow>(within(compileSearch(search, tenant, { ...options, ...more }), least));
  const steps = stepsOf(search, bounds);
  for (const step of steps) {
    if ('tried' in step) {
      const rows = await page(step, options.limit);
      if (rows.length >= options.limit) return rows;
    } else {
      const counting = compileCandidates(search, tenant, step.counted);
      const small = counting && smallestSet(search, await session.query<SetRow>(counting));
      if (small !== undefined) return page({ counted: { small } });
    }
  }
  return page(steps.length === 0 ? {} : { counted: { small: undefined } });
}

/** All rows, whatever their size: what a conditional interaction matches must not be cut. */
function whole(page: Sql): Sql {
  return page;
}

type PageRow = StoredRow & Record<`k${number}`, string | null>;

/** One row more than the page was asked for tells whether there is another page; so does a page cut by its size. */
function cutPage(rows: PageRow[], count: number, position: Position | undefined): PageCut {
  const more = rows.length > count || isFull(rows);
  const backwards = position?.direction === 'previous';
  const page = rows.slice(0, count);
  if (backwards) page.reverse();
  const [first] = page;
  const last = page.at(-1);
  const hasNext = backwards || more;
  const hasPrevious = backwards ? more : position !== undefined;
  return {
    page,
    next: hasNext && last ? { direction: 'next', values: keysOf(last) } : undefined,
    previous: hasPrevious && first ? { direction: 'previous', values: keysOf(first) } : undefined,
  };
}

interface PageCut {
  readonly page: PageRow[];
  readonly next: Position | undefined;
  readonly previous: Position | undefined;
}

function keysOf(row: PageRow): (string | null)[] {
  const values: (string | null)[] = [];
  for (let i = 0; row[`k${i}`] !== undefined; i++) values.push(row[`k${i}`] ?? null);
  return values;
}

async function totalOf(session: Session, search: Search): Promise<number | undefined> {
  if (search.total === 'none') return undefined;
  if (search.total === 'accurate') return countMatches(session, search);
  const found = await count(session, countSql(search, session.tenant, estimated + 1));
  return found > estimated ? undefined : found;
}

/** How many resources match. */
export async function countMatches(session: Session, parsed: Search): Promise<number> {
  const search = await resolved(session, parsed);
  return search.types.length === 0 ? 0 : count(session, countSql(search, session.tenant));
}

function isWithin(search: Search): search is SearchWithin {
  return search.contained !== undefined;
}

function countSql(search: Search, tenant: number, most?: number): Sql {
  return isWithin(search) ? countContained(search, tenant, most) : compileCount(search, tenant, most);
}

async function count(session: Session, statement: Sql): Promise<number> {
  const [row] = await session.query<{ total: string }>(statement);
  return Number(row?.total ?? 0);
}

/** Up to `most` matches, without includes: for conditional interactions. */
export async function findMatches(session: Session, parsed: Search, most: number): Promise<Stored[]> {
  const search = await resolved(session, parsed);
  if (search.types.length === 0) return [];
  const rows = await findRows(session, search, { limit: most });
  return rows.map(storedFromRow);
}

/** The ids of up to `most` matches: their content is not read. */
export async function findIds(session: Session, parsed: Search, most: number): Promise<string[]> {
  const search = await resolved(session, parsed);
  if (search.types.length === 0) return [];
  const rows = await findRows(session, search, { limit: most }, { within: idsOnly });
  return rows.map((row) => row.fhir_id);
}

function idsOnly(page: Sql): Sql {
  return sql`select q.fhir_id from (${page}) q`;
}

interface Followed {
  readonly included: Stored[];
  readonly truncated: boolean;
}

/** First every directive on the matches, then those with :iterate on what was found, until nothing new comes. */
async function follow(session: Session, search: Search, matches: readonly Stored[]): Promise<Followed> {
  const included: Stored[] = [];
  let fresh: readonly Stored[] = matches;
  let includes = search.includes;
  for (let step = 0; step < mostSteps && includes.length > 0 && fresh.length > 0; step++) {
    const found = await followOnce(session, search, { includes, fresh, known: [...matches, ...included] });
    included.push(...found);
    if (isFull(found)) return { included, truncated: true };
    if (included.length > mostIncluded) return { included: included.slice(0, mostIncluded), truncated: true };
    fresh = found;
    includes = includes.filter(({ iterate }) => iterate);
    if (step === mostSteps - 1 && includes.length > 0 && found.length > 0) return { included, truncated: true };
  }
  return { included, truncated: false };
}

interface Step {
  readonly includes: readonly Include[];
  readonly fresh: readonly Stored[];
  readonly known: readonly Stored[];
}

async function followOnce(session: Session, search: Search, { includes, fresh, known }: Step): Promise<Stored[]> {
  const rids = known.map(({ rid }) => rid);
  const types = new Set(fresh.map(({ type }) => typeName(type)));
  const limit = mostIncluded + 1;
  const forward = includes.filter(({ reverse, source }) => !reverse && types.has(source));
  const backward = includes.filter(({ reverse }) => reverse);
  const from = fresh.map(({ rid }) => rid);
  const found: Stored[] = [];
  if (forward.some(({ paths }) => paths.length > 0)) {
    const step = { includes: forward, from, known: rids, types: visible(search, resourceTypes), limit };
    const statement = compileInclude(search, session.tenant, step);
    found.push(...(await session.query<StoredRow>(withinSize(statement))).map(storedFromRow));
  }
  if (backward.some(({ paths }) => paths.length > 0)) {
    const already = [...rids, ...found.map(({ rid }) => rid)];
    const step = { includes: backward, from, known: already, types: [...types], limit };
    const statement = compileRevinclude(search, session.tenant, step);
    found.push(...(await session.query<StoredRow>(withinSize(statement))).map(storedFromRow));
  }
  return found;
}

function visible(search: Search, types: readonly string[]): string[] {
  return types.filter((type) => search.access(type) !== undefined);
}

/** A position from the values of a cursor. @throws OutcomeError where they do not fit the search. */
export function positionFrom(values: readonly (string | null)[]): Position {
  const [direction, ...rest] = values;
  if (direction !== 'next' && direction !== 'previous') {
    throw outcomeError('invalid', 'The page cursor does not belong to this search; start from the first page.', {
      status: 400,
    });
  }
  return { direction, values: rest };
}

/** The values of a cursor from a position. */
export function positionValues({ direction, values }: Position): (string | null)[] {
  return [direction, ...values];
}
