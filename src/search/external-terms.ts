/**
 * What an event of another system is found by: the values of the elements that the parameters of AuditEvent read, in the
 * form that compile-external.ts asks for. Pure.
 *
 *   code, Coding, CodeableConcept → { s: system or '', c: code }      string → { r: as written, f: folded }
 *   Reference → { t: type, i: id, v: version } or { u: URL }, its identifier under `<path>:identifier`      uri → itself
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';
import { application } from './audit-agents.ts';
import { emergencies, requestIds } from './audit-token.ts';
import { fold } from './fold.ts';
import { cut } from './string-rows.ts';

type Form = 'code' | 'coding' | 'concept' | 'string' | 'uri' | 'reference';

/** By the path below AuditEvent. */
const elements: Readonly<Record<string, Form>> = {
  type: 'coding',
  subtype: 'coding',
  action: 'code',
  outcome: 'code',
  purposeOfEvent: 'concept',
  'agent.who': 'reference',
  'agent.name': 'string',
  'agent.role': 'concept',
  'agent.altId': 'code',
  'agent.policy': 'uri',
  'agent.purposeOfUse': 'concept',
  'agent.network.address': 'string',
  'source.site': 'code',
  'source.observer': 'reference',
  'entity.what': 'reference',
  'entity.name': 'string',
  'entity.role': 'coding',
  'entity.type': 'coding',
};

/** The product's own parameters (searchparameters/audit-event-*.json), by their expressions. */
const workedOut: Readonly<Record<string, (event: JsonObject) => JsonValue[]>> = {
  [keyOf(application)]: (event) =>
    valuesAt(event, ['agent'])
      .filter((agent) => !codesAt(agent, ['type', 'coding']).includes('IRCP'))
      .flatMap((agent) => valuesAt(agent, ['who']).flatMap(identifierTerm)),
  [keyOf(requestIds)]: (event) =>
    valuesAt(event, ['entity'])
      .filter((entity) => codesAt(entity, ['type']).includes('XrequestId'))
      .flatMap((entity) => valuesAt(entity, ['what']).flatMap(identifierTerm)),
  [keyOf(emergencies)]: (event) => {
    const broken = codesAt(event, ['purposeOfEvent', 'coding']).includes('BTG');
    const opened = codesAt(event, ['subtype']).some((code) => code === '110127' || code === '110128');
    return [{ s: '', c: String(broken || opened) }];
  },
};

/** How the terms of a path are called. */
export function keyOf(path: string): string {
  return path.replace(/^AuditEvent\./, '');
}

/** Whether an element can be asked of an event of another system. */
export function isTerm(key: string): boolean {
  return Object.hasOwn(elements, key) || Object.hasOwn(workedOut, key);
}

export interface LocalReference {
  readonly type: string;
  readonly id: string;
  readonly version?: string;
}

/** @param bases our own addresses: references below them are to resources of this server */
export function externalTerms(event: JsonObject, bases: readonly string[]): Record<string, JsonValue[]> {
  const terms: Record<string, JsonValue[]> = {};
  const add = (key: string, found: readonly JsonValue[]): void => {
    if (found.length > 0) terms[key] = [...(terms[key] ?? []), ...found];
  };
  for (const [path, form] of Object.entries(elements)) {
    const values = valuesAt(event, path.split('.'));
    add(
      path,
      values.flatMap((value) => termsOf(form, value, bases)),
    );
    if (form === 'reference') add(`${path}:identifier`, values.flatMap(identifierTerm));
  }
  for (const [key, found] of Object.entries(workedOut)) add(key, found(event));
  return terms;
}

/** The resources of this server that an event is about. */
export function localEntities(event: JsonObject, bases: readonly string[]): LocalReference[] {
  return valuesAt(event, ['entity', 'what']).flatMap((value) => {
    const parsed = referenceOf(value, bases);
    return parsed?.kind === 'local' ? [parsed] : [];
  });
}

function valuesAt(value: JsonValue | undefined, [name, ...rest]: readonly string[]): JsonValue[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item) => valuesAt(item, name === undefined ? [] : [name, ...rest]));
  if (name === undefined) return [value];
  return typeof value === 'object' ? valuesAt(value[name], rest) : [];
}

function codesAt(value: JsonValue, path: readonly string[]): JsonValue[] {
  return valuesAt(value, [...path, 'code']);
}

function termsOf(form: Form, value: JsonValue, bases: readonly string[]): JsonValue[] {
  switch (form) {
    case 'code':
      return typeof value === 'string' ? [{ s: '', c: value }] : [];
    case 'coding':
      return codingTerm(value);
    case 'concept':
      return valuesAt(value, ['coding']).flatMap(codingTerm);
    case 'string':
      return typeof value === 'string' ? [{ r: value, f: fold(value) }] : [];
    case 'uri':
      return [value];
    case 'reference':
      return referenceTerm(value, bases);
  }
}

function codingTerm(value: JsonValue): JsonValue[] {
  const { system, code } = value as JsonObject;
  return typeof code === 'string' ? [{ s: typeof system === 'string' ? system : '', c: code }] : [];
}

function identifierTerm(value: JsonValue): JsonValue[] {
  const { system, value: code } = ((value as JsonObject)['identifier'] ?? {}) as JsonObject;
  return typeof code === 'string' ? [{ s: typeof system === 'string' ? system : '', c: code }] : [];
}

function referenceOf(value: JsonValue, bases: readonly string[]): ReturnType<typeof parseReference> {
  const { reference } = value as JsonObject;
  return typeof reference === 'string' ? parseReference(reference, bases) : undefined;
}

function referenceTerm(value: JsonValue, bases: readonly string[]): JsonValue[] {
  const parsed = referenceOf(value, bases);
  if (parsed?.kind === 'local') {
    const { type, id, version } = parsed;
    return [{ t: type, i: id, ...(version !== undefined && { v: version }) }];
  }
  if (parsed?.kind === 'external') return [{ u: cut(parsed.url) }];
  return parsed?.kind === 'urn' ? [{ u: cut(parsed.urn) }] : [];
}
