/** The operations of a JSON Patch document as data. https://www.rfc-editor.org/rfc/rfc6902#section-4 */
import { shortened } from '../json-reader.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { outcomeError, type OutcomeError } from '../outcome.ts';
import { parsePointer } from './json-pointer.ts';

const names = ['add', 'remove', 'replace', 'move', 'copy', 'test'] as const;

/** A guess; the time of one is bounded by size.ts. */
const mostOperations = 10_000;

export interface Operation {
  readonly op: (typeof names)[number];
  readonly index: number;
  /** As written, for diagnostics. */
  readonly pointer: string;
  readonly path: readonly string[];
  /** Empty where the operation has none. */
  readonly from: readonly string[];
  /** The operation as sent; it holds `value`. */
  readonly source: JsonObject;
}

/** @throws OutcomeError (400) where the document is no JSON Patch. */
export function readOperations(document: JsonValue): Operation[] {
  if (!Array.isArray(document)) {
    throw malformed('A JSON Patch must be an array of operations.');
  }
  if (document.length > mostOperations) {
    throw outcomeError('too-costly', `A JSON Patch may have at most ${mostOperations} operations.`, { status: 422 });
  }
  return document.map((source, index) => readOperation(source, index));
}

function malformed(sentence: string): OutcomeError {
  return outcomeError('structure', sentence, { status: 400 });
}

function readOperation(source: JsonValue, index: number): Operation {
  if (typeof source !== 'object' || source === null || Array.isArray(source)) {
    throw malformed(`The operation [${index}] of the JSON Patch must be an object.`);
  }
  const op = names.find((name) => name === source['op']);
  if (op === undefined) {
    const found = typeof source['op'] === 'string' ? `"${shortened(source['op'])}"` : 'missing';
    throw malformed(`The "op" of the operation [${index}] must be one of ${names.join(', ')}; it is ${found}.`);
  }
  if (['add', 'replace', 'test'].includes(op) && source['value'] === undefined) {
    throw malformed(`The operation [${index}] (${op}) of the JSON Patch must have a "value".`);
  }
  const path = pointerOf(source, 'path', index);
  const from = op === 'move' || op === 'copy' ? pointerOf(source, 'from', index) : [];
  return { op, index, pointer: String(source['path']), path, from, source };
}

function pointerOf(source: JsonObject, name: 'path' | 'from', index: number): string[] {
  const text = source[name];
  const pointer = typeof text === 'string' ? parsePointer(text) : undefined;
  if (!pointer) {
    throw malformed(
      `The "${name}" of the operation [${index}] of the JSON Patch must be a JSON Pointer, like "/status".`,
    );
  }
  return pointer;
}
