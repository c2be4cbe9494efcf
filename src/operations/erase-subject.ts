/**
 * Whom an erasure is about, and what in a resource names him: references to the patient or to what is erased with him, and
 * references by one of his identifiers. Pure.
 */
import { walkElements } from '../fhir/element-walk.ts';
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { parseReference } from '../fhir/reference.ts';

export interface Subject {
  /** The patient's id. */
  readonly patient: string;
  /** `system|value` */
  readonly identifiers: ReadonlySet<string>;
  /** Names, addresses and numbers of his, in lower case: what a text must not hold any more. */
  readonly words: readonly string[];
  /** What an absolute reference to a resource of this laboratory begins with, besides `/[laboratory]/fhir`. */
  readonly base: string;
  readonly laboratory: string;
}

/** `Type/id` of a reference to a resource of the laboratory; undefined for any other. */
export function localName({ base, laboratory }: Subject, text: JsonValue | undefined): string | undefined {
  if (typeof text !== 'string') return undefined;
  const parsed = parseReference(text, [base]);
  if (parsed?.kind === 'local') return `${parsed.type}/${parsed.id}`;
  if (parsed?.kind !== 'external' || parsed.type === undefined || parsed.id === undefined) return undefined;
  return parsed.base?.endsWith(`/${laboratory}/fhir`) === true ? `${parsed.type}/${parsed.id}` : undefined;
}

/** What a Reference names: `Type/id`; the patient too where it has one of his identifiers. */
export function namedBy(subject: Subject, reference: JsonObject): string | undefined {
  const identifier = objectOf(reference['identifier']);
  if (identifier !== undefined && subject.identifiers.has(identifierText(identifier)))
    return `Patient/${subject.patient}`;
  return localName(subject, reference['reference']);
}

/** All that the References of a resource name, those of contained and enclosed resources too, and itself. */
export function namesIn(subject: Subject, resource: JsonObject): Set<string> {
  const names = new Set<string>();
  walkElements(resource, ({ value, property }) => {
    const object = objectOf(value);
    if (object === undefined) return;
    if (property.type.code === 'Reference') names.add(namedBy(subject, object) ?? '');
    if (property.type.code === 'Resource') names.add(`${String(object['resourceType'])}/${String(object['id'])}`);
  });
  names.delete('');
  return names;
}

/** Files that a resource names, by their ids: `Binary/…` wherever it stands. */
export function binariesIn(text: string): string[] {
  return [...text.matchAll(/\bBinary\/([A-Za-z0-9.-]{1,64})/g)].map(([, id = '']) => id);
}

export function identifierText(identifier: JsonObject): string {
  return `${String(identifier['system'] ?? '')}|${String(identifier['value'] ?? '')}`;
}

export function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

export function listOf(value: JsonValue | undefined): JsonObject[] {
  return (Array.isArray(value) ? value : [value]).map(objectOf).filter((one) => one !== undefined);
}

/** Whether a text, in any case of letters, still holds the patient's id as a reference, or one of his words. */
export function holdsWords({ patient, words }: Subject, text: string): boolean {
  const lower = text.toLowerCase();
  const id = new RegExp(`\\bpatient/${patient.toLowerCase().replaceAll('.', '\\.')}(?![a-z0-9.-])`);
  return id.test(lower) || words.some((word) => lower.includes(word));
}

/** Shorter ones stand in any text. */
const shortestWord = 3;

/** What is known of a patient by versions of his resource. */
export function subjectOf(
  place: Pick<Subject, 'base' | 'laboratory'>,
  patient: string,
  versions: readonly JsonObject[],
): Subject {
  const identifiers = versions
    .flatMap(({ identifier }) => listOf(identifier))
    .filter(({ system, value }) => system && value);
  const names = versions.flatMap(({ name }) => listOf(name));
  const words = [
    ...identifiers.map(({ value }) => value),
    ...names.flatMap(({ family, given, text }) => [family, text, ...(Array.isArray(given) ? given : [given])]),
    ...versions.flatMap(({ telecom }) => listOf(telecom)).map(({ value }) => value),
  ];
  const long = words.filter((word) => typeof word === 'string' && word.length >= shortestWord) as string[];
  return {
    ...place,
    patient,
    identifiers: new Set(identifiers.map(identifierText)),
    words: [...new Set(long.map((word) => word.toLowerCase()))],
  };
}
