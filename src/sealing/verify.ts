/**
 * Proves that the audit log of a laboratory is as it was written, or names the first place where it is not.
 *
 * For every seal: its number follows the one before, it names that one's hash and begins where it ends, its signature is
 * of a key of the laboratory, its leaves lead to the root that was signed, and the events that are in the database have
 * these leaves, in this order. Events after the last seal are open: nothing vouches for them yet.
 *
 * The chain is followed here. The rest, which is nearly all of the work, is done for some seals at a time
 * (findings.ts), in threads where there is much of it (verify-threads.ts).
 */
import { beginning, sealHash, segmentOf, type Seal } from '../audit/seal.ts';
import type { Removal } from '../audit/removal.ts';
import { allRemovals } from '../store/audit-removals.ts';
import { openEvents, sealsFrom, type SealHead } from '../store/audit-seals.ts';
import type { PoolOptions, Session } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import { findingIn, isSigned, unsignedSentence, type Finding, type Linked } from './findings.ts';
import { byRun, readRemoval } from './removals.ts';
import { verifyThreads, type VerifyThreads } from './verify-threads.ts';

export type { Finding } from './findings.ts';

export interface Verified {
  readonly seals: number;
  readonly events: number;
  /** Of the events, those that went by a rule of retention, and by which. */
  readonly removed: number;
  readonly removals: readonly Removal[];
  readonly open: number;
  readonly oldestOpen: string | undefined;
  /** The hash and number of the last seal, to compare with one that was published. */
  readonly last: { readonly number: number; readonly hash: string } | undefined;
  /** Seals with which the chain goes on after a restore. */
  readonly continued: readonly Continued[];
  readonly finding: Finding | undefined;
}

export interface Continued {
  readonly seal: number;
  readonly sentence: string;
}

/** The seals that have events between two times (milliseconds since 1970); all of them without. */
export interface Period {
  readonly from?: number;
  readonly to?: number;
}

export interface Verifying {
  readonly period?: Period;
  /** How threads connect; without it everything is done in this one. */
  readonly connect?: PoolOptions;
  /** Events and seals of one piece of the work. */
  readonly piece?: { readonly events: number; readonly seals: number };
}

/** A guess: a fifth of a second. */
const usualPiece = { events: 20_000, seals: 500 };

export async function verifyLog(session: Session, tenant: Tenant, verifying: Verifying = {}): Promise<Verified> {
  const { connect, piece = usualPiece } = verifying;
  const pieces = piecesOf(chainOf(session, tenant, verifying.period ?? {}), piece);
  const first = await pieces.next();
  if (first.done === true) return result(session, tenant, nothing, undefined);
  const second = await pieces.next();
  if (second.done === true || connect === undefined || threaded.has(connect)) {
    return compared(session, tenant, {
      pieces: again([first.value, ...(second.done === true ? [] : [second.value])], pieces),
      find: (seals) => findingIn(session, tenant, { seals }),
      width: 1,
    });
  }
  threaded.add(connect);
  const threads: VerifyThreads = verifyThreads(connect, tenant);
  try {
    return await compared(session, tenant, {
      pieces: again([first.value, second.value], pieces),
      find: threads.find,
      width: threads.count + 1,
    });
  } finally {
    threaded.delete(connect);
    await threads.stop();
  }
}

/** Databases for which threads are at work: whoever verifies meanwhile does without, so that there are never more. */
const threaded = new WeakSet<PoolOptions>();

async function* again(first: readonly Piece[], rest: AsyncGenerator<Piece>): AsyncGenerator<Piece> {
  yield* first;
  yield* rest;
}

/** Seals that follow one another, and what is wrong with the one after them. */
interface Piece {
  readonly seals: readonly Link[];
  readonly broken: Finding | undefined;
}

interface Link extends Linked {
  readonly hash: string;
  readonly segment: number;
  readonly continues: string | undefined;
}

interface Comparing {
  readonly pieces: AsyncGenerator<Piece>;
  readonly find: (seals: readonly Linked[]) => Promise<Finding | undefined>;
  /** Pieces at a time. */
  readonly width: number;
}

async function compared(session: Session, tenant: Tenant, { pieces, find, width }: Comparing): Promise<Verified> {
  const under: { readonly piece: Piece; readonly found: Promise<Finding | undefined> }[] = [];
  const sound: Sound = { ...nothing, continued: [] };
  for (let more = true; more || under.length > 0;) {
    while (more && under.length < width) {
      const next = await pieces.next();
      if (next.done === true) {
        more = false;
      } else {
        const found = next.value.seals.length === 0 ? Promise.resolve(undefined) : find(next.value.seals);
        // It is waited for in its turn.
        found.catch(() => undefined);
        under.push({ piece: next.value, found });
      }
    }
    const first = under.shift();
    if (first === undefined) continue;
    const finding = (await first.found) ?? first.piece.broken;
    for (const link of first.piece.seals) {
      if (finding !== undefined && link.number >= finding.seal) break;
      sound.seals++;
      sound.events += link.count;
      sound.last = link;
      if (link.continues !== undefined) sound.continued.push(continuedBy(link));
    }
    if (finding !== undefined) return result(session, tenant, sound, finding);
  }
  return result(session, tenant, sound, undefined);
}

interface Sound {
  seals: number;
  events: number;
  last: Link | undefined;
  readonly continued: Continued[];
}

const nothing: Sound = { seals: 0, events: 0, last: undefined, continued: [] };

function continuedBy({ number, continues = '' }: Link): Continued {
  return { seal: number, sentence: `Seal ${number} continues the chain after a restore: ${continues}.` };
}

async function result(
  session: Session,
  tenant: Tenant,
  { seals, events, last, continued }: Sound,
  finding: Finding | undefined,
): Promise<Verified> {
  const { count, oldest } = await openEvents(session, last?.high ?? '0');
  const marks = await marksOf(session, tenant, last?.number ?? 0);
  return {
    seals,
    events,
    removed: marks.right.reduce((all, mark) => all + mark.events, 0),
    removals: byRun(marks.right),
    open: count,
    oldestOpen: oldest,
    last: last && { number: last.number, hash: last.hash },
    continued,
    finding: finding ?? marks.finding,
  };
}

/** What went by retention, and the first mark that is of no seal there is. */
async function marksOf(
  session: Session,
  tenant: Tenant,
  last: number,
): Promise<{ right: readonly Removal[]; finding: Finding | undefined }> {
  const right: Removal[] = [];
  let finding: Finding | undefined;
  for (const stored of await allRemovals(session)) {
    const mark = await readRemoval(session, tenant, stored);
    if (typeof mark === 'string') finding ??= { seal: stored.first, sentence: mark };
    else if (mark.last <= last) right.push(mark);
    else finding ??= { seal: last + 1, sentence: `Seal ${last + 1} is missing: events of it went by retention.` };
  }
  return { right, finding };
}

async function* piecesOf(
  chain: AsyncGenerator<Link | Finding>,
  most: { readonly events: number; readonly seals: number },
): AsyncGenerator<Piece> {
  let seals: Link[] = [];
  let events = 0;
  for await (const link of chain) {
    if ('sentence' in link) {
      yield { seals, broken: link };
      return;
    }
    seals.push(link);
    events += link.count;
    if (events >= most.events || seals.length >= most.seals) {
      yield { seals, broken: undefined };
      seals = [];
      events = 0;
    }
  }
  if (seals.length > 0) yield { seals, broken: undefined };
}

/** The seals in their order, up to the first that does not stand where it says. */
async function* chainOf(session: Session, tenant: Tenant, period: Period): AsyncGenerator<Link | Finding> {
  let before: Link | undefined;
  for await (const seal of sealsFrom(session, 1)) {
    const number = (before?.number ?? 0) + 1;
    const text = readText(seal);
    const sentence = seal.number === number ? misplaced(tenant, { seal, text, before }) : `Seal ${number} is missing.`;
    if (text === undefined || sentence !== undefined) {
      const signed = seal.number !== number || (await isSigned(session, seal));
      yield { seal: number, sentence: signed && sentence !== undefined ? sentence : unsignedSentence(number) };
      return;
    }
    before = {
      ...seal,
      hash: sealHash(seal.content),
      root: text.root,
      count: text.count,
      segment: segmentOf(text),
      continues: text.continues,
      compared: Date.parse(text.to) >= (period.from ?? -Infinity) && Date.parse(text.from) <= (period.to ?? Infinity),
    };
    yield before;
  }
}

function readText({ content }: SealHead): Seal | undefined {
  try {
    return JSON.parse(content) as Seal;
  } catch {
    return undefined;
  }
}

interface Placed {
  readonly seal: SealHead;
  readonly text: Seal | undefined;
  readonly before: Link | undefined;
}

/** Why a seal does not belong where it is. */
function misplaced(tenant: Tenant, { seal, text, before }: Placed): string | undefined {
  const { number } = seal;
  if (text === undefined) return unsignedSentence(number);
  if (text.laboratory !== tenant.name || text.number !== number) {
    return `Seal ${number} is that of another place: ${text.laboratory}, number ${text.number}.`;
  }
  if (text.previous !== (before?.hash ?? beginning)) {
    return `Seal ${number} does not follow the seal that stands before it.`;
  }
  if (text.low !== (before?.high ?? '0') || seal.low !== text.low || seal.high !== text.high) {
    return `Seal ${number} does not cover the transactions that it says.`;
  }
  const [former, segment] = [before?.segment ?? segmentOf(text), segmentOf(text)];
  if (segment < former) return `Seal ${number} is of a segment that ended before it.`;
  if ((text.continues !== undefined) !== segment > former) {
    return `Seal ${number} does not say rightly whether it continues the chain after a restore.`;
  }
  return undefined;
}
