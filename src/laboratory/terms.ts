/** Code systems and extensions of the catalogue, and reading them from FHIR JSON. Profiles of them stand under profiles/. */
import type { JsonObject, JsonValue } from '../fhir/json.ts';

/** Codes of analytes, tests, panels and containers as the laboratory calls them. */
export const catalogueSystem = 'urn:makhbar:catalogue';
export const sectionSystem = 'urn:makhbar:laboratory-section';
export const loincSystem = 'http://loinc.org';
export const snomedSystem = 'http://snomed.info/sct';
export const ucumSystem = 'http://unitsofmeasure.org';
export const interpretationSystem = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation';
/** Categories of Observations that are no results of patients, or not yet (translation/analyzer.ts has the others). */
export const observationKindSystem = 'urn:makhbar:observation-kind';
export const refusedKind = 'refused';
export const translationExtension = 'http://hl7.org/fhir/StructureDefinition/translation';

export const analyteProfile = 'urn:makhbar:profile:laboratory-analyte';
export const testProfile = 'urn:makhbar:profile:laboratory-test';
export const panelProfile = 'urn:makhbar:profile:laboratory-panel';
export const containerProfile = 'urn:makhbar:profile:laboratory-container';

const extensionBase = 'urn:makhbar:extension:';

export type ExtensionName =
  | 'definition-version'
  | 'interval-source'
  | 'interval-method'
  | 'interval-device'
  | 'delta-limit'
  | 'calculation'
  | 'coded-value'
  | 'stability'
  | 'volume'
  | 'turnaround'
  | 'duplicate-window'
  | 'fasting'
  | 'questionnaire'
  | 'container-label'
  | 'specimen-state'
  | 'specimen-location'
  | 'rejection-reason'
  | 'specimen-definition'
  | 'insurance-note'
  | 'fasting-hours'
  | 'result-state'
  | 'laboratory-report'
  | 'verification'
  | 'entered-by'
  | 'reviewed-by'
  | 'delta'
  | 'dilution'
  | 'instrument-flag'
  | 'comment-code'
  | 'measured'
  | 'repeat'
  | 'control'
  | 'control-material'
  | 'suppressed'
  | 'order-progress'
  | 'due'
  | 'report-template'
  | 'security-context';

export function extensionUrl(name: ExtensionName): string {
  return extensionBase + name;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects of a list; none where it is no list. */
export function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function object(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Extensions of ours by their name, or parts of one by theirs. */
export function extensions(element: JsonObject, name: ExtensionName): JsonObject[] {
  return objects(element['extension']).filter(({ url }) => url === extensionUrl(name));
}

/** A part of an extension of several parts. */
export function part(extension: JsonObject | undefined, name: string): JsonObject | undefined {
  return objects(extension?.['extension']).find(({ url }) => url === name);
}

export function codings(concept: JsonValue | undefined): JsonObject[] {
  return objects(object(concept)['coding']);
}

/** The code of the first coding of a system. */
export function codeIn(concept: JsonValue | undefined, system: string): string | undefined {
  return text(codings(concept).find((coding) => coding['system'] === system)?.['code']);
}

/** Names by language: of a text in English with translations in its extensions. */
export function names(parent: JsonObject, member: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const english = text(parent[member]);
  if (english !== undefined) found.set('en', english);
  for (const extension of objects(object(parent[`_${member}`])['extension'])) {
    const language = text(part(extension, 'lang')?.['valueCode']);
    const content = text(part(extension, 'content')?.['valueString']);
    if (extension['url'] === translationExtension && language !== undefined && content !== undefined)
      found.set(language, content);
  }
  return found;
}
