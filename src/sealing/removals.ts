/** What the marks of retention say of seals that follow one another (src/audit/removal.ts). */
import { bitsHash, bitsLength, hasBit, isRemovalSignedBy, type Removal } from '../audit/removal.ts';
import { sealHash } from '../audit/seal.ts';
import { bitsBetween, type StoredRemoval } from '../store/audit-removals.ts';
import type { Session } from '../store/pool.ts';
import { anyVerificationKey } from '../store/signing-keys.ts';
import type { Tenant } from '../store/tenants.ts';

type Laboratory = Pick<Tenant, 'name'>;

/** The text of a mark where it is right; otherwise what is wrong with it. */
export async function readRemoval(
  session: Session,
  tenant: Laboratory,
  stored: StoredRemoval,
): Promise<Removal | string> {
  const text = parsed(stored.content);
  const key = await anyVerificationKey(session, stored.keyId);
  const signed =
    text !== undefined && key !== undefined && isRemovalSignedBy(stored.content, stored.signature, key.publicJwk);
  if (!signed || text.laboratory !== tenant.name || text.number !== stored.number) {
    return `The mark ${stored.number} of events that went by retention is not signed by a key of this laboratory: it was changed or made by another.`;
  }
  if (text.first !== stored.first || text.last !== stored.last || text.removed !== bitsHash(stored.removed)) {
    return `The mark ${stored.number} of events that went by retention is not as it was signed.`;
  }
  return text;
}

function parsed(content: string): Removal | undefined {
  try {
    return JSON.parse(content) as Removal;
  } catch {
    return undefined;
  }
}

/** Whether the leaf at a place of a seal was removed by a rule. */
export type Gone = (place: number) => boolean;

export interface Numbered {
  readonly number: number;
  readonly content: string;
  readonly count: number;
}

/** For each of some seals that follow one another, what went of it; or what is wrong with a mark. */
export async function goneOf(
  session: Session,
  tenant: Laboratory,
  { seals, marks }: { readonly seals: readonly Numbered[]; readonly marks: readonly StoredRemoval[] },
): Promise<ReadonlyMap<number, Gone> | string> {
  const gone = new Map<number, Gone[]>();
  for (const stored of marks) {
    const mark = await readRemoval(session, tenant, stored);
    if (typeof mark === 'string') return mark;
    const wrong = await spread(session, { stored, mark, seals }, gone);
    if (wrong !== undefined) return wrong;
  }
  return new Map([...gone].map(([number, all]) => [number, (place): boolean => all.some((one) => one(place))]));
}

interface Spread {
  readonly stored: StoredRemoval;
  readonly mark: Removal;
  readonly seals: readonly Numbered[];
}

async function spread(
  session: Session,
  { stored, mark, seals }: Spread,
  gone: Map<number, Gone[]>,
): Promise<string | undefined> {
  const covered = seals.filter(({ number }) => number >= mark.first && number <= mark.last);
  const [first] = covered;
  if (first === undefined) return undefined;
  let start = await bitsBetween(session, mark.first, first.number);
  for (const { number, content, count } of covered) {
    if (number === mark.last && sealHash(content) !== mark.seal) {
      return `The mark ${mark.number} of events that went by retention is of another seal ${number}.`;
    }
    const bits = stored.removed.subarray(start, start + bitsLength(count));
    start += bits.length;
    gone.set(number, [...(gone.get(number) ?? []), (place) => hasBit(bits, place)]);
  }
  return undefined;
}

/** The marks of one run and category as one, with the events of all and the moment of the last. */
export function byRun(marks: readonly Removal[]): Removal[] {
  const runs = new Map<string, Removal>();
  for (const mark of marks) {
    const key = `${mark.run} ${mark.category} ${mark.before}`;
    runs.set(key, { ...mark, events: mark.events + (runs.get(key)?.events ?? 0) });
  }
  return [...runs.values()];
}
