/** A test and a container as the catalogue defines them: ActivityDefinition and SpecimenDefinition, read. */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import {
  catalogueSystem,
  codeIn,
  extensions,
  names,
  object,
  objects,
  sectionSystem,
  text,
  type ExtensionName,
} from './terms.ts';

export interface TestDefinition {
  readonly id: string;
  readonly code: string;
  /** `url|version` of the definition that an order is made with. */
  readonly canonical: string;
  readonly title: string;
  readonly names: ReadonlyMap<string, string>;
  /** CodeableConcept of an order. */
  readonly concept: JsonObject;
  /** Ids of SpecimenDefinitions: the first is the container. */
  readonly containers: readonly string[];
  /** Ids of ObservationDefinitions. */
  readonly analytes: readonly string[];
  /** Hours. */
  readonly stability?: number;
  readonly turnaround?: number;
  readonly duplicateWindow?: number;
  readonly fasting?: number;
  /** Millilitres. */
  readonly volume?: number;
  readonly questionnaire?: string;
  /** CodeableConcept of the section of the laboratory that does it. */
  readonly section?: JsonObject;
}

const hours: Readonly<Record<string, number>> = { s: 1 / 3600, min: 1 / 60, h: 1, d: 24, wk: 168, mo: 730, a: 8766 };

export function readTest(resource: JsonObject): TestDefinition {
  const title = text(resource['title']) ?? text(resource['name']) ?? '';
  return {
    id: text(resource['id']) ?? '',
    code: catalogueCode(resource['identifier']) ?? '',
    canonical: `${text(resource['url']) ?? ''}|${text(resource['version']) ?? ''}`,
    title,
    names: names(resource, 'title'),
    concept: object(resource['code']),
    containers: referenced(resource['specimenRequirement']),
    analytes: referenced(resource['observationResultRequirement']),
    ...duration(resource, 'stability', 'stability'),
    ...duration(resource, 'turnaround', 'turnaround'),
    ...duration(resource, 'duplicate-window', 'duplicateWindow'),
    ...duration(resource, 'fasting', 'fasting'),
    ...volume(resource),
    ...questionnaire(resource),
    ...section(resource),
  };
}

export function catalogueCode(identifier: JsonValue | undefined): string | undefined {
  const all = Array.isArray(identifier) ? objects(identifier) : [object(identifier)];
  return text(all.find(({ system }) => system === catalogueSystem)?.['value']);
}

function referenced(references: JsonValue | undefined): string[] {
  return objects(references).flatMap(({ reference }) => text(reference)?.split('/')[1] ?? []);
}

function duration(resource: JsonObject, name: ExtensionName, member: keyof TestDefinition): JsonObject {
  const { value, code } = object(extensions(resource, name)[0]?.['valueDuration']);
  const factor = hours[text(code) ?? ''];
  return typeof value === 'number' && factor !== undefined ? { [member]: value * factor } : {};
}

function volume(resource: JsonObject): { volume?: number } {
  const { value } = object(extensions(resource, 'volume')[0]?.['valueQuantity']);
  return typeof value === 'number' ? { volume: value } : {};
}

function questionnaire(resource: JsonObject): { questionnaire?: string } {
  const canonical = text(extensions(resource, 'questionnaire')[0]?.['valueCanonical']);
  return canonical === undefined ? {} : { questionnaire: canonical };
}

function section({ topic }: JsonObject): { section?: JsonObject } {
  const found = objects(topic).find((one) => codeIn(one, sectionSystem) !== undefined);
  return found === undefined ? {} : { section: found };
}

export interface ContainerDefinition {
  readonly id: string;
  readonly code: string;
  readonly name: string;
  readonly names: ReadonlyMap<string, string>;
  /** CodeableConcept of the specimen. */
  readonly type: JsonObject;
  /** Millilitres. */
  readonly capacity?: number;
  readonly minimum?: number;
  /** In accession numbers and on labels. */
  readonly label: string;
  readonly container: JsonObject;
}

export function readContainer(resource: JsonObject): ContainerDefinition {
  const [tested] = objects(resource['typeTested']);
  const container = object(tested?.['container']);
  const code = catalogueCode(resource['identifier']) ?? text(resource['id']) ?? '';
  const [capacity, minimum] = [
    object(container['capacity'])['value'],
    object(container['minimumVolumeQuantity'])['value'],
  ];
  return {
    id: text(resource['id']) ?? '',
    code,
    name: text(container['description']) ?? code,
    names: names(container, 'description'),
    type: object(resource['typeCollected']),
    ...(typeof capacity === 'number' && { capacity }),
    ...(typeof minimum === 'number' && { minimum }),
    label: text(extensions(resource, 'container-label')[0]?.['valueString']) ?? code.toUpperCase().slice(0, 3),
    container,
  };
}
