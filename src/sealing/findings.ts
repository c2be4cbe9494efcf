/**
 * What is wrong with seals that follow one another: a signature, the hashes that a root stands for, or an event. The seals
 * come as plain data, so that a thread can be given them. Events that went by a rule of retention left a signed mark
 * (removals.ts): their hashes stand for them, and the rest is compared as before.
 */
import type { KeyObject } from 'node:crypto';
import { rootOf } from '../audit/merkle.ts';
import { isSignedBy, sealKey } from '../audit/seal.ts';
import { eventsInOrder, type Placed } from '../store/audit-read.ts';
import { removalsOver, type StoredRemoval } from '../store/audit-removals.ts';
import { leavesOf } from '../store/audit-seals.ts';
import type { Session } from '../store/pool.ts';
import { anyVerificationKey } from '../store/signing-keys.ts';
import type { Tenant } from '../store/tenants.ts';
import { goneOf, type Gone } from './removals.ts';
import { eventLeaf } from './sealer.ts';

export interface Finding {
  readonly seal: number;
  /** Id of the event, where one can be named. */
  readonly event?: string;
  readonly sentence: string;
}

/** A seal whose place in the chain is right. */
export interface Linked {
  readonly number: number;
  readonly low: string;
  readonly high: string;
  readonly content: string;
  readonly keyId: string;
  readonly signature: Uint8Array;
  readonly root: string;
  readonly count: number;
  /** Whether its events are compared. */
  readonly compared: boolean;
}

type Laboratory = Pick<Tenant, 'name'>;

export interface Search {
  /** One after the other. */
  readonly seals: readonly Linked[];
  /** Events that are read, and keep other work waiting, at once. */
  readonly pageSize?: number;
  /** Told of each event that is there, and of the place in its seal where it should stand. */
  readonly each?: (place: number, event: Placed) => unknown;
}

/** The first thing that is wrong. */
export async function findingIn(session: Session, tenant: Laboratory, search: Search): Promise<Finding | undefined> {
  const { seals } = search;
  const [first = 0, last = 0] = [seals[0]?.number, seals.at(-1)?.number];
  for (let marks = await removalsOver(session, first, last); ;) {
    const finding = await findingWith(session, tenant, search, marks);
    if (finding === undefined) return undefined;
    // A run of retention may have removed some while they were read.
    const since = await removalsOver(session, first, last);
    if (since.at(-1)?.number === marks.at(-1)?.number) return finding;
    marks = since;
  }
}

async function findingWith(
  session: Session,
  tenant: Laboratory,
  search: Search,
  marks: readonly StoredRemoval[],
): Promise<Finding | undefined> {
  const { seals } = search;
  const gone = await goneOf(session, tenant, { seals, marks });
  if (typeof gone === 'string') return { seal: seals[0]?.number ?? 0, sentence: gone };
  const sound: Sound[] = [];
  let broken: Finding | undefined;
  const keys = new Map<string, KeyObject | undefined>();
  const leaves = await leavesOf(session, seals[0]?.number ?? 0, seals.at(-1)?.number ?? 0);
  for (const seal of seals) {
    broken = await unsigned(session, seal, keys);
    if (broken !== undefined) break;
    if (!seal.compared) continue;
    const parts = partsOf(leaves.get(seal.number));
    if (parts.length !== seal.count || rootOf(parts).toString('hex') !== seal.root) {
      const sentence = `The leaves of seal ${seal.number} do not lead to its root: they were changed.`;
      broken = { seal: seal.number, sentence };
      break;
    }
    sound.push(without(seal, parts, gone.get(seal.number)));
  }
  for (const run of runsOf(sound)) {
    const changed = await changedEvent(session, tenant, { ...search, run });
    if (changed !== undefined) return changed;
  }
  return broken;
}

interface Sound {
  readonly seal: Linked;
  /** Of the events that should be there, and their places in the seal. */
  readonly leaves: readonly Buffer[];
  readonly places: readonly number[];
}

function without(seal: Linked, parts: readonly Buffer[], gone: Gone | undefined): Sound {
  const places = parts.map((_, place) => place).filter((place) => gone?.(place) !== true);
  return { seal, places, leaves: places.map((place) => parts[place] as Buffer) };
}

export function unsignedSentence(number: number): string {
  return `Seal ${number} is not signed by a key of this laboratory: it was changed or made by another.`;
}

/** Whether a seal is signed by a key of the laboratory. */
export async function isSigned(
  session: Session,
  { keyId, content, signature }: Pick<Linked, 'keyId' | 'content' | 'signature'>,
  keys: Map<string, KeyObject | undefined> = new Map(),
): Promise<boolean> {
  if (!keys.has(keyId)) {
    const found = await anyVerificationKey(session, keyId);
    keys.set(keyId, found && sealKey(found.publicJwk));
  }
  const key = keys.get(keyId);
  return key !== undefined && isSignedBy(content, signature, key);
}

async function unsigned(
  session: Session,
  seal: Linked,
  keys: Map<string, KeyObject | undefined>,
): Promise<Finding | undefined> {
  if (await isSigned(session, seal, keys)) return undefined;
  return { seal: seal.number, sentence: unsignedSentence(seal.number) };
}

function partsOf(leaves: Buffer = Buffer.alloc(0)): Buffer[] {
  return Array.from({ length: Math.ceil(leaves.length / 32) }, (_, i) => leaves.subarray(i * 32, i * 32 + 32));
}

/** Seals without one left out between them: their events are read in one go. */
function runsOf(seals: readonly Sound[]): Sound[][] {
  const runs: Sound[][] = [];
  for (const one of seals) {
    const run = runs.at(-1);
    if (run?.at(-1)?.seal.number === one.seal.number - 1) run.push(one);
    else runs.push([one]);
  }
  return runs;
}

type Read = { readonly id: string; readonly leaf: Buffer };

async function changedEvent(
  session: Session,
  tenant: Laboratory,
  { run, pageSize, each }: Omit<Search, 'seals'> & { readonly run: readonly Sound[] },
): Promise<Finding | undefined> {
  let at = 0;
  let read: Read[] = [];
  const past = ({ transaction }: Placed): boolean => BigInt(transaction) >= BigInt(run[at]?.seal.high ?? '0');
  let last = '';
  for await (const event of eventsInOrder(session, run[0]?.seal.low ?? '0', run.at(-1)?.seal.high ?? '0', pageSize)) {
    if (event.transaction !== last) {
      last = event.transaction;
      for (; at < run.length && past(event); at++) {
        const found = firstDifference(run[at] as Sound, read);
        if (found !== undefined) return found;
        read = [];
      }
    }
    each?.(run[at]?.places[read.length] ?? -1, event);
    read.push({ id: event.id, leaf: eventLeaf(event, tenant) });
    // One more is read, which tells a lost event from a changed one.
    const before = read.length - 2;
    if (before >= 0 && run[at]?.leaves[before]?.equals((read[before] as Read).leaf) !== true) break;
  }
  for (; at < run.length; at++) {
    const found = firstDifference(run[at] as Sound, read);
    if (found !== undefined) return found;
    read = [];
  }
  return undefined;
}

function firstDifference(
  { seal: { number: seal }, leaves, places }: Sound,
  found: readonly Read[],
): Finding | undefined {
  const same = (i: number, j: number): boolean => {
    const [leaf, other] = [leaves[i], found[j]?.leaf];
    return leaf !== undefined && other !== undefined && leaf.equals(other);
  };
  let at = 0;
  while (at < leaves.length && same(at, at)) at++;
  if (at === leaves.length && found.length === at) return undefined;
  const [here, next] = [found[at], found[at + 1]];
  const place = `the ${(places[at] ?? at) + 1}. event of seal ${seal}`;
  if (here === undefined) return { seal, sentence: `The log ends early: ${place} and what follows is missing.` };
  const event = here.id;
  if (at >= leaves.length) return { seal, event, sentence: `AuditEvent/${event} was added after ${place} was sealed.` };
  if (next !== undefined && same(at, at + 1) && same(at + 1, at)) {
    return { seal, event, sentence: `AuditEvent/${event} and AuditEvent/${next.id} were put in another order.` };
  }
  if (same(at + 1, at)) return { seal, event, sentence: `An event is missing before AuditEvent/${event}: ${place}.` };
  if (same(at, at + 1)) return { seal, event, sentence: `AuditEvent/${event} was added: it is not ${place}.` };
  return { seal, event, sentence: `AuditEvent/${event} was altered: it is no longer ${place}.` };
}
