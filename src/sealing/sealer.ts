/**
 * Seals the events of a laboratory that have no seal yet. Any number of processes may try: one does it at a time, and
 * what one that died left undone is done by the next.
 */
import { auditEventText } from '../audit/event.ts';
import { growingTree, leafHash } from '../audit/merkle.ts';
import { beginning, sealHash, segmentOf, sealText, signSeal, type Seal } from '../audit/seal.ts';
import { eventsInOrder, type Placed } from '../store/audit-read.ts';
import { addSeal, beginSealing, lastSeal, toBeSealed, type StoredSeal } from '../store/audit-seals.ts';
import { currentSegment, type Segment } from '../store/audit-segments.ts';
import type { Database, Session } from '../store/pool.ts';
import type { SigningKey } from '../store/signing-keys.ts';
import type { Tenant } from '../store/tenants.ts';

export interface Sealing {
  readonly database: Database;
  /** The key that signs for the laboratory now, Ed25519. */
  readonly signingKey: (tenant: Tenant) => Promise<SigningKey>;
  readonly now: () => number;
}

/** The hash of an event in the tree. */
export function eventLeaf({ record }: Placed, tenant: Pick<Tenant, 'name'>): Buffer {
  return leafHash(auditEventText(record, { observer: tenant.name }));
}

/** Makes the next seal; undefined where nothing is to be sealed, or another process is at it. */
export async function sealNext(sealing: Sealing, tenant: Tenant): Promise<StoredSeal | undefined> {
  // Before the transaction: the first key of a laboratory is made in one of its own.
  const key = await sealing.signingKey(tenant);
  return sealing.database.transaction(tenant.id, async (session) => {
    if (!(await beginSealing(session))) return undefined;
    const before = await lastSeal(session);
    const range = await toBeSealed(session, before?.high ?? '0');
    if (range === undefined) return undefined;
    const segment = await currentSegment(session);
    const seal = await sealOf({ sealing, tenant, session, before, range, key, segment });
    await addSeal(session, seal);
    return seal;
  });
}

interface Task {
  readonly sealing: Sealing;
  readonly tenant: Tenant;
  readonly session: Session;
  readonly before: StoredSeal | undefined;
  readonly range: { readonly low: string; readonly high: string };
  readonly key: SigningKey;
  readonly segment: Segment;
}

async function sealOf({ sealing, tenant, session, before, range, key, segment }: Task): Promise<StoredSeal> {
  const tree = growingTree();
  const leaves: Buffer[] = [];
  let [first, last, from, to] = ['', '', Infinity, -Infinity];
  for await (const event of eventsInOrder(session, range.low, range.high)) {
    const leaf = eventLeaf(event, tenant);
    tree.add(leaf);
    leaves.push(leaf);
    first ||= event.id;
    last = event.id;
    from = Math.min(from, event.record.time);
    to = Math.max(to, event.record.time);
  }
  const seal: Seal = {
    laboratory: tenant.name,
    number: (before?.number ?? 0) + 1,
    previous: before === undefined ? beginning : sealHash(before.content),
    root: tree.root().toString('hex'),
    count: tree.count,
    first,
    last,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    ...range,
    sealed: new Date(sealing.now()).toISOString(),
    ...segmentMembers(segment, before),
  };
  const content = sealText(seal);
  const signature = signSeal(content, key.privatePem);
  return { number: seal.number, ...range, content, keyId: key.id, signature, leaves: Buffer.concat(leaves) };
}

function segmentMembers({ number, reason, began }: Segment, before: StoredSeal | undefined): Partial<Seal> {
  if (number === 1) return {};
  const goesOn = before !== undefined && segmentOf(JSON.parse(before.content) as Seal) < number;
  return { segment: number, ...(goesOn && { continues: `${reason} on ${began}` }) };
}
