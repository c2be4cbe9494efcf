/**
 * The version of a definition is a digest of what it says: what changes gets another version by itself, what does not keeps
 * its own, and the same tables give the same resources. A definition names others by their versions, so that a change of an
 * interval makes another version of the test, and that of the panels.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../fhir/json.ts';

/** Hexadecimal digits; 470 definitions, of which only those of one code may not collide. */
const digits = 8;

export function versionOf(content: JsonObject): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, digits);
}

/** The id of a version of a definition. */
export function versionId(code: string, version: string): string {
  return `${code}-${version}`;
}
