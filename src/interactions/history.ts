/**
 * history of an instance, a type or everything. https://hl7.org/fhir/R4/http.html#history
 */
import { bundleText, type BundleEntry, type Link } from '../fhir/bundle-text.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { resourceTypes, typeName, typeNumber } from '../fhir/resource-types.ts';
import type { Answer, Context } from '../request.ts';
import { dateInterval } from '../search/interval.ts';
import {
  countHistory,
  readHistory,
  type HistoryPosition,
  type HistoryQuery,
  type HistoryVersion,
} from '../store/history.ts';
import { isFull } from '../store/size.ts';
import { accessOf, may } from './access.ts';
import { openedAll } from './binary-sealed.ts';
import type { Call } from './call.ts';
import { openCursor, sealCursor } from './cursor.ts';
import { allowParameters, etag, valuesOf } from './headers.ts';
import { countVisible, visibleHistory, type VisibleHistory } from './history-visible.ts';
import { existing } from './read.ts';
import { askedSubset, subsetText } from './subset.ts';
import { showed } from './trail.ts';
import type { Subset } from '../fhir/summary.ts';

const parameters = ['_since', '_at', '_count', '_cursor', '_summary', '_elements'];

/** Versions a page where the caller does not say, and at most. */
const usualCount = 50;
const mostCount = 1_000;

export async function historyInstance(context: Context, call: Call): Promise<Answer> {
  const { type, id } = call.target;
  await existing(context, { type, id });
  return page(context, call, { types: [typeNumber(type) ?? -1], id });
}

export function historyType(context: Context, call: Call): Promise<Answer> {
  return page(context, call, { types: [typeNumber(call.target.type) ?? -1] });
}

export function historySystem(context: Context, call: Call): Promise<Answer> {
  const types = resourceTypes.filter((type) => may(context, 's', type));
  const all = types.length === resourceTypes.length;
  return page(context, call, all ? {} : { types: types.map((type) => typeNumber(type) ?? -1) });
}

async function page(context: Context, call: Call, what: Pick<HistoryQuery, 'types' | 'id'>): Promise<Answer> {
  allowParameters(call, parameters);
  const count = countOf(call);
  const subset = askedSubset(call);
  const scope = scopeText(call);
  const [cursor] = valuesOf(call.query, '_cursor');
  const query: HistoryQuery = {
    ...what,
    ...times(context, call),
    ...(cursor === undefined ? {} : { after: positionOf(openCursor(context, scope, cursor)) }),
    count,
  };
  const { versions, next, total } = await found(context, query);
  const links = linksOf(
    context,
    call,
    next && sealCursor(context, scope, [next.lastUpdated, next.rid, String(next.version)]),
  );
  const entries = (await openedAll(context, versions)).map((version) => entryOf(context, version, subset));
  versions.forEach((version) => showed(context.trail, version, [context.base]));
  return {
    status: 200,
    text: bundleText({ type: 'history', total, links, timestamp: new Date().toISOString() }, entries),
  };
}

interface Found extends VisibleHistory {
  readonly total: number | undefined;
}

async function found(context: Context, query: HistoryQuery): Promise<Found> {
  const of = accessOf(context, query.id === undefined ? 's' : 'r');
  const types = query.types?.map(typeName) ?? resourceTypes;
  // Counting is cheap for one resource; for a type or everything it is done only when nothing else is asked.
  const counted = query.id !== undefined || query.count === 0;
  if (types.every((type) => of(type)?.kind === 'all')) {
    const shown = query.count === 0 ? nothing : await wholeHistory(context, query);
    return { ...shown, total: counted ? await countHistory(context.session, query) : undefined };
  }
  const bound = { ...query, access: { of, types } };
  const shown = query.count === 0 ? nothing : await visibleHistory(context, bound, of);
  return { ...shown, total: counted ? await countVisible(context, bound, of) : undefined };
}

const nothing: VisibleHistory = { versions: [], next: undefined };

async function wholeHistory(context: Context, query: HistoryQuery): Promise<VisibleHistory> {
  const versions = await readHistory(context.session, { ...query, count: query.count + 1 });
  const shown = versions.slice(0, query.count);
  return { versions: shown, next: versions.length > query.count || isFull(versions) ? shown.at(-1) : undefined };
}

function countOf(call: Call): number {
  const [text] = valuesOf(call.query, '_count');
  if (text === undefined) {
    return usualCount;
  }
  if (!/^\d{1,9}$/.test(text)) {
    throw outcomeError('invalid', `_count must be a whole number from 0, not "${text.slice(0, 40)}".`);
  }
  return Math.min(Number(text), mostCount);
}

function times(context: Context, call: Call): Pick<HistoryQuery, 'since' | 'at'> {
  const [since] = valuesOf(call.query, '_since');
  const [at] = valuesOf(call.query, '_at');
  const zone = context.tenant.settings.timezone ?? 'UTC';
  const bounds = (name: string, text: string): { from: string; to: string } => {
    const interval = dateInterval(text.replace(/ (\d\d:\d\d)$/, '+$1'), zone);
    if (interval === undefined) {
      throw outcomeError('invalid', `${name} must be a FHIR instant or date, not "${text.slice(0, 40)}".`);
    }
    return { from: instantOf(interval.low), to: instantOf(interval.high) };
  };
  return {
    ...(since === undefined ? {} : { since: bounds('_since', since).from }),
    ...(at === undefined ? {} : { at: bounds('_at', at) }),
  };
}

function positionOf([lastUpdated, rid, version]: readonly (string | null)[]): HistoryPosition {
  return { lastUpdated: lastUpdated ?? '', rid: rid ?? '', version: Number(version) };
}

/** What four digits of a year can say; no version was made outside. */
const [firstInstant, lastInstant] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];

function instantOf(time: number): string {
  return new Date(Math.max(firstInstant, Math.min(time, lastInstant))).toISOString();
}

/** What a cursor belongs to: the path and all parameters but the cursor itself. */
function scopeText(call: Call): string {
  const query = call.query.filter(([name]) => name !== '_cursor');
  return JSON.stringify(['history', call.segments, query]);
}

function linksOf(context: Context, call: Call, next: string | undefined): Link[] {
  const path = `${context.base}/${call.segments.map(encodeURIComponent).join('/')}`;
  const url = (query: readonly (readonly [string, string])[]): string => {
    const text = new URLSearchParams(query.map(([name, value]): [string, string] => [name, value])).toString();
    return text === '' ? path : `${path}?${text}`;
  };
  const first = call.query.filter(([name]) => name !== '_cursor');
  const links: Link[] = [
    { relation: 'self', url: url(call.query) },
    { relation: 'first', url: url(first) },
  ];
  return next === undefined ? links : [...links, { relation: 'next', url: url([...first, ['_cursor', next]]) }];
}

/** What each way of writing looked like from outside. */
const statusTexts: Record<string, string> = { POST: '201', PUT: '200', PATCH: '200', DELETE: '204' };

function entryOf(context: Context, version: HistoryVersion, subset: Subset | undefined): BundleEntry {
  const type = typeName(version.type);
  const url = version.method === 'POST' ? type : `${type}/${version.id}`;
  // A PUT creates where nothing was or where what was there had been deleted; the write said 201 then.
  const created = version.method === 'PUT' && version.created;
  const entry: BundleEntry = {
    fullUrl: `${context.base}/${type}/${version.id}`,
    request: { method: version.method, url },
    response: {
      status: created ? '201' : (statusTexts[version.method] ?? '200'),
      etag: etag(version.version),
      lastModified: version.lastUpdated,
    },
  };
  return version.text === null ? entry : { ...entry, text: subsetText(version.text, subset) };
}
