/**
 * What a bulk export was asked for, as it waits in the database: checked, and with what the caller may do. Plain data.
 */
import type { Caller } from '../access/caller.ts';
import type { JsonObject } from '../fhir/json.ts';
import type { FormatName } from './archive/format.ts';

/** Provenance of what is exported, all of it or the newest of each resource. */
export type Associated = 'LatestProvenanceResources' | 'RelevantProvenanceResources';

export type Level =
  { readonly of: 'system' } | { readonly of: 'patients' } | { readonly of: 'group'; readonly id: string };

export interface ExportRequest {
  /** The URL that was called. */
  readonly url: string;
  /** The FHIR base as the caller saw it. */
  readonly base: string;
  readonly level: Level;
  /** In the order of the files. */
  readonly types: readonly string[];
  /** Ids of the patients it is about; absent where it is about all. */
  readonly patients?: readonly string[];
  /** FHIR instants in UTC. */
  readonly since?: string;
  readonly until?: string;
  /** Queries by type, any of which may be met. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly elements: readonly string[];
  readonly associated?: Associated;
  readonly byPatient: boolean;
  readonly partial: boolean;
  /** Absent for NDJSON. */
  readonly format?: FormatName;
  /** What lenient handling left out and what else has to be said, a sentence each. */
  readonly remarks: readonly string[];
  /** Of research, by whose rules and key it is de-identified. */
  readonly project?: string;
  readonly caller: Caller;
}

export function requestJson(request: ExportRequest): JsonObject {
  return JSON.parse(JSON.stringify(request)) as JsonObject;
}

export function requestFrom(json: JsonObject): ExportRequest {
  return json as unknown as ExportRequest;
}

/** The caller as he is remembered: an override in an emergency is not for exports. */
export function rememberedCaller(caller: Caller): Caller {
  const { breakGlass: _breakGlass, overrides: _overrides, ...rest } = caller;
  return rest;
}

export function formatOf({ format }: Pick<ExportRequest, 'format'>): FormatName {
  return format ?? 'ndjson';
}
