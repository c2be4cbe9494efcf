/**
 * What a job is to the runner: a function that does a bounded piece of work and says how to go on.
 *
 * A step may run twice (a process died after it, before its cursor was stored), so repeating one must do no harm.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { Server } from '../request.ts';
import type { Session } from '../store/pool.ts';
import type { Job, Progress } from '../store/jobs.ts';
import type { SearchState } from '../store/search-parameters.ts';
import type { SigningKey } from '../store/signing-keys.ts';
import type { Tenant } from '../store/tenants.ts';

export interface JobContext {
  readonly server: Server;
  /** The key that signs for a laboratory now, Ed25519. */
  readonly signingKey: (tenant: Tenant) => Promise<SigningKey>;
  /** Does a step of a kind that is done in a thread of its own; absent in that thread. */
  readonly apart?: (run: Omit<Run, 'session'>) => Promise<Step>;
  /** By tenant, as last loaded: what was compiled from it is used again. */
  readonly searchStates: Map<number, SearchState>;
}

export interface Run {
  readonly job: Job;
  readonly tenant: Tenant;
  readonly session: Session;
  /** When the step should end, in milliseconds since 1970. */
  readonly until: number;
}

export type Step = { readonly more: Progress } | { readonly done: number };

export interface JobKind {
  /** Asked for by itself, once in so many hours for each tenant. */
  readonly everyHours?: number;
  /** Moves much: in a thread of its own. */
  readonly apart?: true;
  readonly step: (context: JobContext, run: Run) => Promise<Step>;
}

export function more(run: Run, cursor: JsonObject, changed: Partial<Progress> = {}): Step {
  const { done, total } = run.job;
  return { more: { cursor, done, total, pause: 0, ...changed } };
}
