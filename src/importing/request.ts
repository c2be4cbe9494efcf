/** What a bulk import was asked for, as it waits in the database. Plain data. */
import type { Caller } from '../access/caller.ts';
import type { JsonObject } from '../fhir/json.ts';

export interface Source {
  /** Where it is fetched; absent where it came with the request. */
  readonly url?: string;
  /** For people: the name of a file. */
  readonly name?: string;
  /** What every line has to be. */
  readonly type?: string;
}

export interface ImportRequest {
  /** The URL that was called; '' from the command line. */
  readonly url: string;
  readonly base: string;
  readonly sources: readonly Source[];
  /** The address of the manifest of an export, whose files are added to the sources. */
  readonly manifest?: string;
  /** Nothing is stored: only what would be wrong is told. */
  readonly dryRun: boolean;
  /** By what a resource is the same as one that is there. */
  readonly match: 'id' | 'identifier';
  readonly caller: Caller;
}

export function importJson(request: ImportRequest): JsonObject {
  return JSON.parse(JSON.stringify(request)) as JsonObject;
}

export function importFrom(json: JsonObject): ImportRequest {
  return json as unknown as ImportRequest;
}

export function importKey(id: string, file: number): string {
  return `import/${id}/${file}`;
}
