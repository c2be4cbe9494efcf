/** One laboratory as its OpenID provider sees it: under which address, with what, for whom. */
import { hkdfSync } from 'node:crypto';
import type { SecurityEvent } from '../audit/security.ts';
import type { Log } from '../log.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { Caller } from '../access/caller.ts';
import type { Session } from '../store/pool.ts';
import type { Tenant } from '../store/tenants.ts';
import type { Identity } from './identity.ts';

/** What finds patients and encounters for a person who chooses one: a search through the one door. */
export type SearchAs = (
  asking: { tenant: Tenant; caller: Caller; base: string },
  path: string,
  query: readonly (readonly [string, string])[],
) => Promise<JsonObject>;

/** What the laboratory may store, and what it does (interactions/storage.ts). */
export interface StorageUse {
  /** @throws OutcomeError where these bytes more would be too many. */
  check(tenant: Tenant, bytes: number): Promise<void>;
  /** By how many bytes more is stored. */
  changed(tenant: Tenant, bytes: number): void;
}

/** Stores an event; it is durable when the promise settles. */
export type Announce = (tenant: Tenant, event: SecurityEvent) => Promise<void>;

/** Stores an event with the transaction that it tells of. */
export type AnnounceWithin = (session: Session, event: SecurityEvent) => Promise<void>;

/** What the providers of one process share. */
export interface IdentityParts {
  readonly identity: Identity;
  readonly log: Log;
  readonly search: SearchAs;
  readonly storage: StorageUse;
  readonly announce: Announce;
  readonly announceWithin: AnnounceWithin;
}

export interface Laboratory extends IdentityParts {
  /** As last read: the settings follow within seconds. */
  tenant: Tenant;
  /** Its root as the caller sees it, without a slash at its end. */
  readonly issuer: string;
  readonly fhirBase: string;
  /** Path of the root: `/demo`, or '' below a domain of its own. */
  readonly root: string;
}

export function laboratoryAt(parts: IdentityParts, tenant: Tenant, issuer: string): Laboratory {
  return { ...parts, tenant, issuer, fhirBase: `${issuer}/fhir`, root: rootOf(issuer) };
}

/** Path of a laboratory's root: `/demo`, or '' below a domain of its own. */
export function rootOf(issuer: string): string {
  const path = new URL(issuer).pathname;
  return path === '/' ? '' : path;
}

/** A key of this laboratory for one purpose, the same in every process of the installation. */
export function derivedKey({ identity, tenant }: Pick<Laboratory, 'identity' | 'tenant'>, purpose: string): Buffer {
  const info = `makhbar ${purpose} ${tenant.id}`;
  return Buffer.from(hkdfSync('sha256', identity.keyEncryptionKey, '', info, 32));
}
