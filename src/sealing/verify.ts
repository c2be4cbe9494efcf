/**
 * Proves that the audit log of a laboratory is as it was written, or names the first place where it is not.
 *
 * For every seal: its number follows the one before, it names that one's hash and begins where it ends, its signature is
 * of a key of the laboratory, its leaves lead to the root that was signed, and the events that are in the database have
 * these leaves, in this order. Events after the last seal are open: nothing vouches for them yet.
 */
import { beginning, isSignedBy, sealHash, type Seal } from '../audit/seal.ts';
import { rootOf } from '../audit/merkle.ts';
import { eventsInOrder } from '../store/audit-read.ts';
import { openEvents, sealsFrom, type StoredSeal } from '../store/audit-seals.ts';
import type { Session } from '../store/pool.ts';
import { anyVerificationKey } from '../store/signing-keys.ts';
import type { Tenant } from '../store/tenants.ts';
import { eventLeaf } from './sealer.ts';

export interface Finding {
  readonly seal: number;
  /** Id of the event, where one can be named. */
  readonly event?: string;
  readonly sentence: string;
}

export interface Verified {
  readonly seals: number;
  readonly events: number;
  readonly open: number;
  readonly oldestOpen: string | undefined;
  /** The hash and number of the last seal, to compare with one that was published. */
  readonly last: { readonly number: number; readonly hash: string } | undefined;
  readonly finding: Finding | undefined;
}

/** The seals that have events between two times (milliseconds since 1970); all of them without. */
export interface Period {
  readonly from?: number;
  readonly to?: number;
}

export async function verifyLog(session: Session, tenant: Tenant, period: Period = {}): Promise<Verified> {
  let before: StoredSeal | undefined;
  let seals = 0;
  let events = 0;
  for await (const seal of sealsFrom(session, 1)) {
    const text = readText(seal);
    const finding =
      (await brokenChain(session, tenant, { seal, text, before })) ??
      (await changedEvents(session, tenant, { seal, text, period }));
    if (finding !== undefined) return { ...(await rest(session, before)), seals, events, finding };
    seals++;
    events += seal.leaves.length / 32;
    before = seal;
  }
  return { ...(await rest(session, before)), seals, events, finding: undefined };
}

async function rest(
  session: Session,
  before: StoredSeal | undefined,
): Promise<Pick<Verified, 'open' | 'oldestOpen' | 'last'>> {
  const { count, oldest } = await openEvents(session, before?.high ?? '0');
  return { open: count, oldestOpen: oldest, last: before && { number: before.number, hash: sealHash(before.content) } };
}

function readText({ content }: StoredSeal): Seal | undefined {
  try {
    return JSON.parse(content) as Seal;
  } catch {
    return undefined;
  }
}

interface Checked {
  readonly seal: StoredSeal;
  readonly text: Seal | undefined;
}

async function brokenChain(
  session: Session,
  tenant: Tenant,
  { seal, text, before }: Checked & { before: StoredSeal | undefined },
): Promise<Finding | undefined> {
  const expected = (before?.number ?? 0) + 1;
  const broken = (sentence: string): Finding => ({ seal: expected, sentence });
  if (seal.number !== expected) return broken(`Seal ${expected} is missing.`);
  const key = await anyVerificationKey(session, seal.keyId);
  if (text === undefined || key === undefined || !isSignedBy(seal.content, seal.signature, key.publicJwk)) {
    return broken(`Seal ${expected} is not signed by a key of this laboratory: it was changed or made by another.`);
  }
  if (text.laboratory !== tenant.name || text.number !== expected) {
    return broken(`Seal ${expected} is that of another place: ${text.laboratory}, number ${text.number}.`);
  }
  if (text.previous !== (before === undefined ? beginning : sealHash(before.content))) {
    return broken(`Seal ${expected} does not follow the seal that stands before it.`);
  }
  const begins = before?.high ?? '0';
  if (text.low !== begins || seal.low !== text.low || seal.high !== text.high) {
    return broken(`Seal ${expected} does not cover the transactions that it says.`);
  }
  return undefined;
}

async function changedEvents(
  session: Session,
  tenant: Tenant,
  { seal, text, period }: Checked & { period: Period },
): Promise<Finding | undefined> {
  if (
    text === undefined ||
    Date.parse(text.to) < (period.from ?? -Infinity) ||
    Date.parse(text.from) > (period.to ?? Infinity)
  ) {
    return undefined;
  }
  const leaves = Array.from({ length: seal.leaves.length / 32 }, (_, i) => seal.leaves.subarray(i * 32, i * 32 + 32));
  if (leaves.length !== text.count || rootOf(leaves).toString('hex') !== text.root) {
    return {
      seal: seal.number,
      sentence: `The leaves of seal ${seal.number} do not lead to its root: they were changed.`,
    };
  }
  const found: { id: string; leaf: Buffer }[] = [];
  for await (const event of eventsInOrder(session, seal.low, seal.high)) {
    found.push({ id: event.id, leaf: eventLeaf(event, tenant) });
    const place = found.length - 1;
    // One more is read, which tells a lost event from a changed one.
    if (place > 0 && leaves[place - 1]?.equals(found[place - 1]?.leaf ?? Buffer.alloc(0)) !== true) break;
  }
  return firstDifference(seal.number, leaves, found);
}

function firstDifference(
  seal: number,
  leaves: readonly Buffer[],
  found: readonly { id: string; leaf: Buffer }[],
): Finding | undefined {
  const same = (i: number, j: number): boolean => {
    const [leaf, other] = [leaves[i], found[j]?.leaf];
    return leaf !== undefined && other !== undefined && leaf.equals(other);
  };
  const at = Array.from({ length: Math.max(leaves.length, found.length) }, (_, i) => i).find((i) => !same(i, i));
  if (at === undefined) return undefined;
  const [here, next] = [found[at], found[at + 1]];
  const place = `the ${at + 1}. event of seal ${seal}`;
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
