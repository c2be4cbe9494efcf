/** JSON Pointer: https://www.rfc-editor.org/rfc/rfc6901, with `-` for the place behind the last item of an array. */
import { shortened } from '../json-reader.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { outcomeError, type OutcomeError } from '../outcome.ts';

/** The steps of a pointer; undefined when it is none. */
export function parsePointer(text: string): string[] | undefined {
  if (text === '') {
    return [];
  }
  const valid = text.startsWith('/') && !/~(?![01])/.test(text);
  return valid ? text.slice(1).split('/').map(unescapeStep) : undefined;
}

function unescapeStep(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** Does `path` lead into the value at `from`? */
export function isBelow(path: readonly string[], from: readonly string[]): boolean {
  return path.length > from.length && from.every((step, index) => step === path[index]);
}

/** What an error names. */
export interface Named {
  readonly op: string;
  readonly index: number;
  readonly pointer: string;
}

/** The refusal of an operation that does not fit the resource (422). */
export function fail({ op, index, pointer }: Named, reason: string): OutcomeError {
  const sentence = `The operation [${index}] (${op} "${shortened(pointer)}") of the JSON Patch fails: ${reason}.`;
  return outcomeError('processing', sentence, { status: 422 });
}

export interface Place {
  readonly parent: JsonObject | JsonValue[];
  readonly key: string | number;
}

/** The place at the end of a pointer, where a value is or may be added. */
export function locate(root: JsonObject, path: readonly string[], named: Named): Place {
  let place: Place = { parent: root, key: 'document' };
  for (const step of path) {
    const value = valueAt(place);
    if (typeof value !== 'object' || value === null) {
      throw fail(named, 'the path leads to nothing');
    }
    place = { parent: value, key: keyOf(value, step, named) };
  }
  return place;
}

/** The place of a value that exists. */
export function locateExisting(root: JsonObject, path: readonly string[], named: Named): Place {
  const place = locate(root, path, named);
  if (valueAt(place) === undefined) {
    throw fail(named, 'there is nothing at this path');
  }
  return place;
}

function valueAt({ parent, key }: Place): JsonValue | undefined {
  return Object.hasOwn(parent, key) ? (parent as Record<string | number, JsonValue>)[key] : undefined;
}

function keyOf(parent: JsonObject | JsonValue[], step: string, named: Named): string | number {
  if (!Array.isArray(parent)) {
    if (step === '__proto__') {
      throw fail(named, 'the property "__proto__" is not allowed');
    }
    return step;
  }
  const index = step === '-' ? parent.length : /^(?:0|[1-9]\d{0,8})$/.test(step) ? Number(step) : NaN;
  if (!(index <= parent.length)) {
    throw fail(named, `"${shortened(step)}" is no index of an array of ${parent.length}`);
  }
  return index;
}
