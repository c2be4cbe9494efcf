/**
 * The lines of an export's files, in blocks, as they are found: what is written while it is read. A `Piece` also says from
 * where to go on after it.
 */
import { serializeJson, type JsonObject } from '../fhir/json.ts';
import { typeName } from '../fhir/resource-types.ts';
import { areVisible } from '../interactions/as-if.ts';
import { storedEvent } from '../interactions/audit-log.ts';
import { parseStored } from '../interactions/document.ts';
import type { Context } from '../request.ts';
import { and, type Access, type Condition } from '../search/ast.ts';
import { searchEvents, type EventPosition } from '../store/audit-search.ts';
import {
  copyOfVersions,
  deletedWindow,
  firstSpan,
  matchingWindow,
  nextSpan,
  plainCopy,
  storedVersions,
  type Matching,
  type Numbers,
} from '../store/export-rows.ts';
import type { Session } from '../store/pool.ts';
import type { Stored } from '../store/read.ts';
import { binaryLine } from './binary-line.ts';

export interface Piece {
  readonly bytes: Buffer;
  readonly count: number;
  /** Absent inside a window: a file does not end there. */
  readonly after?: string;
}

export interface Reading {
  readonly context: Context;
  readonly matching: Matching;
  /** Undefined: lines pass as they are stored. */
  readonly shape: Shape | undefined;
}

/** What is made of a line; undefined leaves it out. */
export type Shape = (resource: JsonObject) => JsonObject | undefined;

/** Rows of one statement. */
const plainRows = 50_000;
const matchingRows = 20_000;
const deletedRows = 1_000;
const eventRows = 500;

/** Everything of a type, without any condition. */
export async function* plainPieces(
  { context, matching, shape }: Reading,
  from: string | undefined,
): AsyncGenerator<Piece> {
  const { server, tenant } = context;
  const { type, moment, since, until } = matching;
  let after = from;
  for (let rows = plainRows; rows === plainRows;) {
    rows = 0;
    const text = plainCopy({ tenant: tenant.id, type, moment, since, until, after, most: plainRows });
    for await (const block of server.database.copy(tenant.id, text)) {
      rows += block.count;
      after = block.key;
      yield shaped(block, shape);
    }
    yield { bytes: Buffer.alloc(0), count: 0, after: after ?? 'end' };
  }
}

function shaped({ bytes, count }: { bytes: Buffer; count: number }, shape: Shape | undefined): Piece {
  if (shape === undefined) return { bytes, count };
  const lines = bytes.toString('utf8').split('\n').slice(0, -1);
  const made = lines.flatMap((line) => shape(parseStored(line)) ?? []);
  return { bytes: Buffer.from(made.map((one) => `${serializeJson(one)}\n`).join('')), count: made.length };
}

/** What conditions find of a type. */
export async function* matchingPieces(reading: Reading, from: string | undefined): AsyncGenerator<Piece> {
  const { context, matching } = reading;
  let span = firstSpan;
  for (let after: string | undefined = from ?? '0'; after !== undefined;) {
    const place = { after, most: matchingRows, span };
    const window = await context.server.database.transaction(
      context.tenant.id,
      async (session) => {
        const found = await matchingWindow(session, matching, place);
        return { ...found, changed: await visibleThen({ ...context, session }, matching, found.changed) };
      },
      'snapshot',
    );
    yield* contentOf(reading, window);
    const lines = await linesOf(reading, window.changed);
    after = window.next;
    span = nextSpan(place, window);
    yield { ...lines, after: after ?? 'end' };
  }
}

/** Versions of the moment that the caller would have found then. */
export async function visibleThen(
  context: Context,
  { access, condition }: Matching,
  versions: readonly Stored[],
): Promise<Stored[]> {
  const both: Access = Object.assign(
    (type: string): Condition | undefined => {
      const own = access(type);
      return own && and([own, condition]);
    },
    access.within && { within: access.within },
  );
  const visible = await areVisible(context, versions, both);
  return versions.filter((_, i) => visible[i]);
}

/** The content of these versions; a Binary is looked at by itself. */
export async function* contentOf(reading: Reading, numbers: Numbers): AsyncGenerator<Piece> {
  const { context, matching, shape } = reading;
  const { database } = context.server;
  if (matching.type !== 'Binary') {
    for await (const block of database.copy(context.tenant.id, copyOfVersions(context.tenant.id, numbers))) {
      yield shaped(block, shape);
    }
    return;
  }
  const [rids, versions] = [listOf(numbers.rids), listOf(numbers.versions)];
  for (let i = 0; i < rids.length; i++) {
    const one = { rids: `{${rids[i] ?? ''}}`, versions: `{${versions[i] ?? ''}}` };
    for (const stored of await storedVersions(context.session, one)) {
      for await (const bytes of binaryLine(context, stored)) yield { bytes, count: 0 };
      yield { bytes: Buffer.from('\n'), count: 1 };
    }
  }
}

function listOf(text: string): string[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',');
}

async function linesOf({ context, matching, shape }: Reading, versions: readonly Stored[]): Promise<Piece> {
  if (matching.type !== 'Binary') {
    const bytes = Buffer.from(versions.map(({ text }) => `${text ?? ''}\n`).join(''));
    return shaped({ bytes, count: versions.length }, shape);
  }
  const parts: Buffer[] = [];
  for (const stored of versions) {
    for await (const bytes of binaryLine(context, stored)) parts.push(bytes);
    parts.push(Buffer.from('\n'));
  }
  return { bytes: Buffer.concat(parts), count: versions.length };
}

/** Bundles of what was deleted, each a deletion of some. */
export async function* deletedPieces({ context, matching }: Reading, from: string | undefined): AsyncGenerator<Piece> {
  const { type, moment, since } = matching;
  for (let after: string | undefined = from ?? '0'; after !== undefined;) {
    const session: Session = context.session;
    const found: Stored[] = await deletedWindow(session, { type, moment, since, after, most: deletedRows });
    const visible = await visibleThen(context, matching, found);
    after = found.length < deletedRows ? undefined : found.at(-1)?.rid;
    const line = visible.length === 0 ? '' : `${serializeJson(deletions(visible))}\n`;
    yield { bytes: Buffer.from(line), count: line === '' ? 0 : 1, after: after ?? 'end' };
  }
}

function deletions(versions: readonly Stored[]): JsonObject {
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: versions.map(({ type, id }) => ({ request: { method: 'DELETE', url: `${typeName(type)}/${id}` } })),
  };
}

/** The audit log, as it is found by a search of it, oldest first. */
export async function* eventPieces(
  { context, matching, shape }: Reading,
  from: string | undefined,
): AsyncGenerator<Piece> {
  const access = matching.access('AuditEvent');
  if (access === undefined) return;
  const search = { condition: matching.condition, access, seen: matching.access };
  for (
    let position = from === undefined ? undefined : positionFrom(from), first = true;
    first || position !== undefined;
  ) {
    first = false;
    const page = await searchEvents(context.session, search, { newestFirst: false, count: eventRows, position });
    position = page.next;
    const lines = page.records
      .filter(({ time }) => isWithin(time, matching))
      .map((record) => `${storedEvent(context, record).text ?? ''}\n`);
    yield {
      ...shaped({ bytes: Buffer.from(lines.join('')), count: lines.length }, shape),
      after: position ? `${position.time}|${position.id}` : 'end',
    };
  }
}

function positionFrom(text: string): EventPosition {
  const [time = '', id = ''] = text.split('|');
  return { direction: 'next', time, id };
}

function isWithin(time: number, { moment, since, until }: Matching): boolean {
  return (
    time <= Date.parse(moment) &&
    (since === undefined || time > Date.parse(since)) &&
    (until === undefined || time < Date.parse(until))
  );
}
