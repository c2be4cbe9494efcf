/**
 * Searching the audit log: `AuditEvent?…`, by GET and POST, also within a compartment. Newest first where nothing is said.
 *
 * 1. What the log cannot be asked is refused by its name (400), also where the caller would rather have it left out: an
 *    answer about who saw what must not be to another question.
 * 2. The answer is a page with a cursor of time and id, so that events that come meanwhile disturb no page.
 */
import { bundleText, type BundleEntry } from '../fhir/bundle-text.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { parseSubset, type Subset } from '../fhir/summary.ts';
import type { Answer, Context, Parameters } from '../request.ts';
import type { Access, Condition, Search } from '../search/ast.ts';
import type { Parameter } from '../search/parameters.ts';
import { parseSearch } from '../search/parse.ts';
import { countEvents, searchEvents, type EventPage, type EventPosition } from '../store/audit-search.ts';
import { productParameters } from '../store/product-parameters.ts';
import { storedEvent } from './audit-log.ts';
import type { Call } from './call.ts';
import { openCursor } from './cursor.ts';
import { valuesOf } from './headers.ts';
import { linksOf, scopeOf, type Paging } from './search-links.ts';
import { searchParametersOf } from './search-parameters.ts';
import { subsetText } from './subset.ts';

export interface AskedEvents {
  readonly query: Parameters;
  readonly compartment?: Condition;
  readonly access: Access;
}

export async function searchAuditEvents(context: Context, call: Call, asked: AskedEvents): Promise<Answer> {
  const { query, compartment, access } = asked;
  checkAuditNames(query);
  const parsed = parseSearch('AuditEvent', query, {
    parameters: searchParametersOf(context),
    access,
    ...(compartment && { compartment }),
  });
  const paging: Paging = { context, call, kind: 'audit', shown: parsed.processed };
  const [cursor] = valuesOf(query, '_cursor');
  const position = cursor === undefined ? undefined : positionFrom(openCursor(context, scopeOf(paging), cursor));
  const subset = subsetOf(query);
  const { page, total } = await found(context, parsed, position);
  const entries = page.records.map((record): BundleEntry => {
    const stored = storedEvent(context, record);
    context.trail.touched.push({ type: 'AuditEvent', id: stored.id, version: stored.version });
    record.patients.forEach((patient) => context.trail.patients.add(patient));
    const fullUrl = `${context.base}/AuditEvent/${stored.id}`;
    return { fullUrl, text: subsetText(stored.text ?? '', subset), search: { mode: 'match' } };
  });
  const timestamp = new Date().toISOString();
  const links = linksOf(paging, {
    current: cursor,
    previous: page.previous && positionValues(page.previous),
    next: page.next && positionValues(page.next),
  });
  return { status: 200, text: bundleText({ type: 'searchset', total, links, timestamp }, entries) };
}

async function found(
  context: Context,
  parsed: Search,
  position: EventPosition | undefined,
): Promise<{ page: EventPage; total: number | undefined }> {
  const access = parsed.access('AuditEvent');
  const nothing: EventPage = { records: [], next: undefined, previous: undefined };
  if (access === undefined) return { page: nothing, total: 0 };
  const search = { condition: parsed.condition, access, seen: parsed.access };
  const { count } = parsed;
  const page =
    count === 0
      ? nothing
      : await searchEvents(context.session, search, { count, position, newestFirst: newestFirst(parsed) });
  const counted = count === 0 || parsed.total !== 'none';
  return { page, total: counted ? await countEvents(context.session, search) : undefined };
}

/** What the parser knows and the log does not. */
const refused: ReadonlySet<string> = new Set([
  '_profile',
  '_tag',
  '_security',
  '_source',
  '_text',
  '_content',
  '_list',
  '_has',
  '_include',
  '_revinclude',
  '_contained',
  '_containedType',
  '_explain',
]);

const productUrls: ReadonlySet<string> = new Set(productParameters.map(({ definition }) => definition.url));

/** Whether a parameter of AuditEvent can be asked of the log: R4's and the product's can, a laboratory's own cannot. */
export function isAskedOfLog({ name, url }: Parameter): boolean {
  const known = url.startsWith('http://hl7.org/fhir/SearchParameter/') || productUrls.has(url);
  return known && !refused.has(name) && name !== '_query';
}

/** @throws OutcomeError `not-supported` (400) for what the parser knows and the log does not. */
export function checkAuditNames(query: Parameters): void {
  for (const [name] of query) {
    const [base = ''] = name.split(/[:.]/);
    if (refused.has(base)) {
      throw outcomeError('not-supported', `"${name.slice(0, 80)}" cannot be asked of the audit log.`, { status: 400 });
    }
  }
}

function newestFirst({ sort }: Search): boolean {
  const [key, second] = sort;
  if (key === undefined) return true;
  if (second !== undefined || (key.name !== 'date' && key.name !== '_lastUpdated')) {
    throw outcomeError('not-supported', 'The audit log is sorted by _sort=date or _sort=-date.', { status: 400 });
  }
  return key.descending;
}

function subsetOf(query: Parameters): Subset | undefined {
  const subset = parseSubset({
    summary: valuesOf(query, '_summary'),
    elements: valuesOf(query, '_elements'),
    types: ['AuditEvent'],
    search: true,
  });
  return subset === 'count' ? undefined : subset;
}

function positionFrom([direction, time, id]: readonly (string | null)[]): EventPosition {
  return { direction: direction === 'previous' ? 'previous' : 'next', time: time ?? '', id: id ?? '' };
}

function positionValues({ direction, time, id }: EventPosition): readonly string[] {
  return [direction, time, id];
}
