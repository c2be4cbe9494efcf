/**
 * String and uri values as index rows. https://hl7.org/fhir/R4/search.html#string
 *
 * A name or an address gives a row for each of its parts. `value` is cut at 200 characters, because a B-tree entry must
 * stay under 2,700 bytes; `rest` then has the whole folded text.
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { fold } from './fold.ts';
import { isKnown, type EmitMaker, type Sink } from './sink.ts';

export const indexedLength = 200;

/** Cut without parting a surrogate pair. */
export function cut(text: string): string {
  if (text.length <= indexedLength) return text;
  const end = /[\ud800-\udbff]/.test(text[indexedLength - 1] ?? '') ? indexedLength - 1 : indexedLength;
  return text.slice(0, end);
}

/** Columns that tell rows apart: param, rep, value, raw. */
const distinct = [0, 1, 2, 4];

export function pushString(sink: Sink, param: number, rep: number, text: string): void {
  const folded = fold(text);
  const value = cut(folded);
  const raw = text === value ? null : text;
  const row = [param, rep, value, value === folded ? null : folded, raw];
  if (!isKnown(sink.string, row, distinct)) sink.string.push(row);
}

function pushParts(sink: Sink, param: number, rep: number, value: JsonObject, names: readonly string[]): void {
  for (const name of names) {
    const part = value[name];
    if (typeof part === 'string') pushString(sink, param, rep, part);
    else if (Array.isArray(part)) {
      for (const item of part) if (typeof item === 'string') pushString(sink, param, rep, item);
    }
  }
}

const parts: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['text', 'family', 'given', 'prefix', 'suffix'],
  Address: ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'],
  CodeableConcept: ['text'],
};

const primitive = new Set(['string', 'markdown', 'code', 'uri', 'url', 'canonical', 'id', 'oid', 'uuid']);

export const emitString: EmitMaker = (path, elementType) => {
  const names = parts[elementType];
  if (names !== undefined) {
    return (value, _parent, _key, rep, sink) => pushParts(sink, path.param, rep, value as JsonObject, names);
  }
  if (!primitive.has(elementType)) return undefined;
  return (value, _parent, _key, rep, sink) => {
    if (typeof value === 'string') pushString(sink, path.param, rep, value);
  };
};

/**
 * A URI as written: neither case nor accents are folded. A canonical with a version is found with and without it.
 * https://hl7.org/fhir/R4/search.html#uri
 */
export const emitUri: EmitMaker = (path, elementType) => {
  if (!primitive.has(elementType)) return undefined;
  return (value: JsonValue, _parent, _key, rep, sink) => {
    if (typeof value !== 'string') return;
    pushUri(sink, path.param, rep, value);
    const version = elementType === 'canonical' ? value.indexOf('|') : -1;
    if (version > 0) pushUri(sink, path.param, rep, value.slice(0, version));
  };
};

function pushUri(sink: Sink, param: number, rep: number, uri: string): void {
  const short = cut(uri);
  sink.string.push([param, rep, short, short === uri ? null : uri, null]);
}
