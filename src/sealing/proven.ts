/** The events of a seal, where it and they are as they were sealed. */
import type { Seal } from '../audit/seal.ts';
import type { Placed } from '../store/audit-read.ts';
import type { SealHead } from '../store/audit-seals.ts';
import type { Session } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import { findingIn } from './findings.ts';

export interface Proven {
  readonly count: number;
  /** By their places in the seal; without those that went by a rule before. */
  readonly events: ReadonlyMap<number, Placed>;
}

export async function provenEvents(session: Session, tenant: Tenant, seal: SealHead): Promise<Proven | undefined> {
  const text = readText(seal);
  if (text === undefined || text.laboratory !== tenant.name || text.number !== seal.number) return undefined;
  if (seal.low !== text.low || seal.high !== text.high) return undefined;
  const { root, count } = text;
  const events = new Map<number, Placed>();
  const each = (place: number, event: Placed): unknown => events.set(place, event);
  const finding = await findingIn(session, tenant, { seals: [{ ...seal, root, count, compared: true }], each });
  return finding === undefined ? { count, events } : undefined;
}

function readText({ content }: SealHead): Seal | undefined {
  try {
    return JSON.parse(content) as Seal;
  } catch {
    return undefined;
  }
}
