/**
 * The audit log as two categories: what is about patients (audit), and what is about security alone (security-log).
 *
 * 1. Only sealed events go, and of a seal that was proven in the same breath: retention cannot cover what was changed by
 *    hand. Such a seal is left as it is and counted (`altered-seals`).
 * 2. Events and the signed mark in their place (src/audit/removal.ts) go and come in one transaction.
 * 3. `clean` is the seal below which nothing is left that could go, so that a run begins where the one before ended. It does
 *    not pass a seal that was altered, or keeps something for a patient on hold.
 */
import { kinds } from '../audit/kinds.ts';
import type { AuditRecord } from '../audit/record.ts';
import { bitsHash, bitsOf, removalText, signRemoval, type Removal } from '../audit/removal.ts';
import { sealHash } from '../audit/seal.ts';
import type { JsonObject } from '../fhir/json.ts';
import { provenEvents } from '../sealing/proven.ts';
import type { Placed } from '../store/audit-read.ts';
import { countEvents, type EventsOf } from '../store/audit-expiry.ts';
import { expireEvents, lastRemoval, sealsWithEventsBefore, type StoredRemoval } from '../store/audit-removals.ts';
import { sealsFrom, type SealHead } from '../store/audit-seals.ts';
import { cleanBelow, noteClean } from '../store/retention.ts';
import { countRemoved } from '../store/retention-runs.ts';
import type { Holding, Removing } from './holding.ts';
import type { Due } from './plan.ts';

const securityKinds = Object.entries(kinds).filter(([, { type }]) => type['code'] !== 'rest');
const securityNames: ReadonlySet<string> = new Set(securityKinds.map(([name]) => name));

/** The category of an event; `eventsOf` says the same to the database. */
function categoryOf({ kind, patients }: AuditRecord): 'audit' | 'security-log' {
  return securityNames.has(kind) && patients.length === 0 ? 'security-log' : 'audit';
}

function eventsOf({ category, before, heldPatients }: Due): EventsOf {
  return {
    kinds: securityKinds.map(([, { number }]) => number),
    security: category === 'security-log',
    before,
    heldPatients: [...heldPatients],
  };
}

/** Of a piece: a read and a proof of about 0.3 s. */
const mostSeals = 200;
const mostEvents = 20_000;

interface Cursor {
  readonly next: number;
  readonly clean: number;
}

export const auditLog: Holding = {
  count: (session, due) => countEvents(session, eventsOf(due)),
  remove: async (removing, due, before) => {
    const { session } = removing;
    const cursor = (before as Cursor | undefined) ?? (await begin(removing, due));
    const numbers = await sealsWithEventsBefore(session, { from: cursor.next, before: due.before, most: mostSeals });
    const first = numbers[0];
    if (first === undefined) {
      await noteClean(session, due.revision, { category: due.category, below: cursor.clean });
      return undefined;
    }
    const piece = await readPiece(removing, due, first, numbers);
    await removePiece(removing, due, piece);
    const next = first + piece.length;
    const done = piece.findIndex(({ left }) => left);
    const clean = first === cursor.clean ? first + (done < 0 ? piece.length : done) : cursor.clean;
    return { next, clean } satisfies Cursor as unknown as JsonObject;
  },
};

async function begin({ session }: Removing, { category }: Due): Promise<Cursor> {
  const below = await cleanBelow(session, category);
  return { next: below, clean: below };
}

interface Looked {
  readonly seal: SealHead;
  /** Events that were sealed. */
  readonly count: number;
  /** By their place in the seal. */
  readonly going: ReadonlyMap<number, Placed>;
  readonly altered: boolean;
  /** Something stays that could go at another time. */
  readonly left: boolean;
}

/** Seals one after the other from the first, as many as stand in `numbers` without a gap; one that was altered by itself. */
async function readPiece(
  { session, tenant }: Removing,
  due: Due,
  first: number,
  numbers: readonly number[],
): Promise<Looked[]> {
  const piece: Looked[] = [];
  let events = 0;
  for await (const seal of sealsFrom(session, first)) {
    if (numbers[piece.length] !== seal.number || events >= mostEvents) break;
    const looked = await look({ session, tenant }, due, seal);
    if (looked.altered && piece.length > 0) break;
    piece.push(looked);
    if (looked.altered) break;
    events += looked.count;
  }
  if (piece.length === 0) throw new Error('A seal that was there is not.');
  return piece;
}

async function look(
  { session, tenant }: Pick<Removing, 'session' | 'tenant'>,
  { category, before, heldPatients }: Due,
  seal: SealHead,
): Promise<Looked> {
  const proven = await provenEvents(session, tenant, seal);
  if (proven === undefined) return { seal, count: 0, going: new Map(), altered: true, left: true };
  const own = [...proven.events].filter(([, { record }]) => categoryOf(record) === category);
  const going = own.filter(
    ([, { record }]) => record.time < before && !record.patients.some((patient) => heldPatients.has(patient)),
  );
  const left = going.length < own.length;
  return { seal, count: proven.count, going: new Map(going), altered: false, left };
}

async function removePiece(removing: Removing, due: Due, piece: readonly Looked[]): Promise<void> {
  const { database, session, tenant, run } = removing;
  const altered = piece.filter((one) => one.altered).length;
  if (altered > 0) await session.query(countRemoved(session.tenant, run, 'altered-seals', altered));
  const events = piece.flatMap(({ going }) => [...going.values()]);
  const last = piece.at(-1);
  if (events.length === 0 || last === undefined) return;
  await expireEvents(database, {
    tenant: tenant.id,
    revision: due.revision,
    high: last.seal.high,
    before: due.before,
    events: events.map(({ id, record: { time, patients } }) => ({ id, time, patients })),
    mark: await markOf(removing, due, piece, events.length),
    noted: countRemoved(tenant.id, run, due.category, events.length),
  });
}

async function markOf(
  { session, tenant, signingKey, run }: Removing,
  { category, period, basis, before }: Due,
  piece: readonly Looked[],
  events: number,
): Promise<StoredRemoval> {
  const removed = Buffer.concat(piece.map(({ count, going }) => bitsOf(count, going.keys())));
  const [first, last] = [piece[0], piece.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError('A mark is of at least one seal.');
  const key = await signingKey(tenant);
  const removal: Removal = {
    laboratory: tenant.name,
    number: (await lastRemoval(session)) + 1,
    run,
    category,
    period,
    basis,
    before: new Date(before).toISOString(),
    at: new Date().toISOString(),
    first: first.seal.number,
    last: last.seal.number,
    seal: sealHash(last.seal.content),
    events,
    removed: bitsHash(removed),
  };
  const content = removalText(removal);
  const signature = signRemoval(content, key.privatePem);
  const { number, first: from, last: to } = removal;
  return { number, first: from, last: to, content, keyId: key.id, signature, removed };
}
