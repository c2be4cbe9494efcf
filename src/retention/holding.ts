/** What a category of retention is to a run: how to count what would go, and how to remove it piece by piece. */
import type { JsonObject } from '../fhir/json.ts';
import type { Database, Session } from '../store/pool.ts';
import type { SigningKey } from '../store/signing-keys.ts';
import type { Tenant } from '../store/tenants.ts';
import type { Due } from './plan.ts';

export interface Counted {
  readonly count: number;
  /** FHIR instant. */
  readonly oldest: string | undefined;
}

/** An erasure that nobody asked for. */
export interface RuledErasure {
  /** Kept with the tombstone; they name no patient. */
  readonly reason: string;
  readonly rule: string;
  readonly run: string;
  /** In the transaction, of the resources that go; where it says no, nothing is done. */
  readonly permitted: (session: Session, rids: readonly string[]) => Promise<boolean>;
}

export interface Removing {
  readonly database: Database;
  readonly tenant: Tenant;
  readonly session: Session;
  /** The key that signs for the laboratory now. */
  readonly signingKey: (tenant: Tenant) => Promise<SigningKey>;
  /** The run, under which what goes is counted in the same transaction. */
  readonly run: string;
  readonly erase: (patient: string, given: RuledErasure) => Promise<void>;
}

export interface Holding {
  readonly count: (session: Session, due: Due) => Promise<Counted>;
  /** A bounded piece; the cursor of the next, undefined at the end. Done twice it does no harm. */
  readonly remove: (removing: Removing, due: Due, cursor: JsonObject | undefined) => Promise<JsonObject | undefined>;
}
