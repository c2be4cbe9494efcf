/**
 * Token values as index rows. https://hl7.org/fhir/R4/search.html#token
 *
 * A row's key hashes path and code without case; its system is kept apart, so that `code` and `system|code` read the same
 * index. A `code` has no system in its row: the bound value set implies it, and the query knows it.
 * Rows of their own: the texts of a concept for `:text` (table of strings), an identifier with its type for `:of-type`.
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { hash32, hash64 } from './hash.ts';
import type { IndexedPath } from './parameters.ts';
import { isKnown, type Emit, type EmitMaker, type Sink } from './sink.ts';
import { pushString } from './string-rows.ts';

export function tokenKey(path: { readonly key: string }, code: string): string {
  return hash64(`${path.key}|${code.toLowerCase()}`);
}

/** The numbers under which a path's texts and typed identifiers are kept. */
export function textParam(path: IndexedPath): number {
  return hash32(`text:${path.key}`);
}

export function ofTypeKey(path: { readonly key: string }, system: string, code: string, value: string): string {
  return hash64(`of-type:${path.key}|${system}|${code}|${value.toLowerCase()}`);
}

interface Place {
  readonly path: IndexedPath;
  readonly param: number;
  readonly text: number;
  readonly ofType: number;
}

const asText = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** Columns that tell rows apart: rep, key, system. */
const distinct = [1, 2, 3];

function pushToken(sink: Sink, place: Place, rep: number, system: string | undefined, code: string): void {
  const key = tokenKey(place.path, code);
  const systemKey = system === undefined ? null : hash64(system);
  const row = [place.param, rep, key, systemKey, code, 0];
  if (!isKnown(sink.token, row, distinct)) sink.token.push(row);
}

function pushText(sink: Sink, place: Place, rep: number, text: string | undefined): void {
  if (text !== undefined) pushString(sink, place.text, rep, text);
}

function coding(place: Place, value: JsonObject, rep: number, sink: Sink): void {
  const code = asText(value['code']);
  const system = asText(value['system']);
  if (code !== undefined) pushToken(sink, place, rep, system, code);
  else if (system !== undefined) pushToken(sink, place, rep, system, '');
  pushText(sink, place, rep, asText(value['display']));
}

function concept(place: Place, value: JsonObject, rep: number, sink: Sink): void {
  const codings = value['coding'];
  if (Array.isArray(codings)) {
    for (const entry of codings) coding(place, entry as JsonObject, rep, sink);
  }
  pushText(sink, place, rep, asText(value['text']));
}

function identifier(place: Place, value: JsonObject, rep: number, sink: Sink): void {
  const number = asText(value['value']);
  const system = asText(value['system']);
  if (number !== undefined) pushToken(sink, place, rep, system, number);
  else if (system !== undefined) pushToken(sink, place, rep, system, '');
  const type = value['type'] as JsonObject | undefined;
  if (type === undefined) return;
  pushText(sink, place, rep, asText(type['text']));
  for (const entry of (type['coding'] as JsonObject[] | undefined) ?? []) {
    pushText(sink, place, rep, asText(entry['display']));
    const code = asText(entry['code']);
    if (code === undefined || number === undefined) continue;
    const key = ofTypeKey(place.path, asText(entry['system']) ?? '', code, number);
    sink.token.push([place.ofType, rep, key, null, number, 0]);
  }
}

/** The system of a contact is phone, email, …; R4 leaves it open, and `telecom=phone|…` is what clients send. */
function contact(place: Place, value: JsonObject, rep: number, sink: Sink): void {
  const text = asText(value['value']);
  if (text !== undefined) pushToken(sink, place, rep, asText(value['system']), text);
}

const objects: Readonly<Record<string, (place: Place, value: JsonObject, rep: number, sink: Sink) => void>> = {
  CodeableConcept: concept,
  Coding: coding,
  Identifier: identifier,
  ContactPoint: contact,
};

const texts = new Set(['code', 'string', 'id', 'uri', 'canonical', 'url', 'oid', 'uuid', 'markdown']);

export const emitToken: EmitMaker = (path, elementType) => {
  const place: Place = { path, param: path.param, text: textParam(path), ofType: hash32(`of-type:${path.key}`) };
  const object = objects[elementType];
  if (object !== undefined) return (value, _parent, _key, rep, sink) => object(place, value as JsonObject, rep, sink);
  if (path.column === 'status') return emitStatus;
  if (elementType === 'boolean') {
    return (value, _parent, _key, rep, sink) => pushToken(sink, place, rep, undefined, String(value));
  }
  if (!texts.has(elementType)) return undefined;
  return (value, _parent, _key, rep, sink) => {
    if (typeof value === 'string') pushToken(sink, place, rep, undefined, value);
  };
};

const emitStatus: Emit = (value, _parent, _key, _rep, sink) => {
  if (typeof value === 'string') sink.status = value.toLowerCase();
};

/** An identifier inside a Reference, for `:identifier`. */
export function pushIdentifier(sink: Sink, path: IndexedPath, rep: number, value: JsonObject): void {
  const place = { path: identifierPath(path), param: identifierPath(path).param, text: 0, ofType: 0 };
  const number = asText(value['value']);
  if (number !== undefined) pushToken(sink, place, rep, asText(value['system']), number);
}

const identifierPaths = new WeakMap<IndexedPath, IndexedPath>();

/** The path under which the identifiers of a path's logical references are kept. */
export function identifierPath(path: IndexedPath): IndexedPath {
  let found = identifierPaths.get(path);
  if (found === undefined) {
    const key = `identifier:${path.key}`;
    found = { ...path, type: 'token', key, param: hash32(key), elementTypes: ['Identifier'], column: undefined };
    identifierPaths.set(path, found);
  }
  return found;
}
