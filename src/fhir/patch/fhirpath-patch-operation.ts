/** The operations of a FHIRPath Patch as data. https://hl7.org/fhir/R4/fhirpatch.html */
import { shortened } from '../json-reader.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { outcomeError, type OutcomeError } from '../outcome.ts';

const types = ['add', 'insert', 'delete', 'replace', 'move'] as const;

/** What each type must have besides its path. */
const demanded = {
  add: ['name', 'value'],
  insert: ['index', 'value'],
  delete: [],
  replace: ['value'],
  move: ['source', 'destination'],
} as const;

/** A guess: each may evaluate an expression over the whole resource. */
const mostOperations = 1000;

export interface Operation {
  readonly type: (typeof types)[number];
  /** Position in Parameters.parameter. */
  readonly position: number;
  readonly path: string;
  readonly name: string;
  readonly index: number;
  readonly source: number;
  readonly destination: number;
  /** The part that holds the value. */
  readonly value: JsonObject;
}

/** @throws OutcomeError (400) where the document is no FHIRPath Patch. */
export function readOperations(document: JsonValue): Operation[] {
  if (!isObject(document) || document['resourceType'] !== 'Parameters') {
    throw malformed('A FHIRPath Patch must be a Parameters resource.');
  }
  const parameters = itemsOf(document['parameter']);
  if (parameters.length > mostOperations) {
    throw outcomeError('too-costly', `A FHIRPath Patch may have at most ${mostOperations} operations.`, {
      status: 422,
    });
  }
  return parameters.map(readOperation);
}

function malformed(sentence: string, position?: number): OutcomeError {
  const options = position === undefined ? {} : { expression: `Parameters.parameter[${position}]` };
  return outcomeError('structure', sentence, { ...options, status: 400 });
}

function readOperation(parameter: JsonObject, position: number): Operation {
  if (parameter['name'] !== 'operation') {
    throw malformed(`The parameter [${position}] of the FHIRPath Patch must have the name "operation".`, position);
  }
  const parts = partsByName(parameter, position);
  const text = (name: string) => stringOf(parts.get(name));
  const type = types.find((candidate) => candidate === text('type'));
  if (type === undefined) {
    const found = shortened(text('type'));
    throw malformed(
      `The type of the operation [${position}] must be one of ${types.join(', ')}, not "${found}".`,
      position,
    );
  }
  for (const name of ['path', ...demanded[type]]) {
    if (!parts.has(name)) {
      throw malformed(
        `The operation [${position}] (${type}) of the FHIRPath Patch must have a part "${name}".`,
        position,
      );
    }
  }
  const number = (name: string) => (parts.has(name) ? indexOf(parts.get(name), name, position) : 0);
  return {
    type,
    position,
    path: text('path'),
    name: text('name'),
    index: number('index'),
    source: number('source'),
    destination: number('destination'),
    value: parts.get('value') ?? {},
  };
}

function partsByName(parameter: JsonObject, position: number): Map<string, JsonObject> {
  const parts = new Map<string, JsonObject>();
  for (const part of itemsOf(parameter['part'])) {
    const name = String(part['name']);
    if (parts.has(name)) {
      throw malformed(`The part "${shortened(name)}" of the operation [${position}] is allowed only once.`, position);
    }
    parts.set(name, part);
  }
  return parts;
}

/** Whatever type of string the part has: `valueCode`, `valueString`. */
function stringOf(part: JsonObject | undefined): string {
  const entry = Object.entries(part ?? {}).find(([key]) => key.startsWith('value'));
  return typeof entry?.[1] === 'string' ? entry[1] : '';
}

function indexOf(part: JsonObject | undefined, name: string, position: number): number {
  const [, value] = Object.entries(part ?? {}).find(([key]) => key.startsWith('value')) ?? [];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw malformed(`The part "${name}" of the operation [${position}] must be an integer from 0 on.`, position);
  }
  return value;
}

/** The objects of a list. */
export function itemsOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
