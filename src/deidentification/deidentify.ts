/**
 * A resource without its patient. Pure.
 *
 * 1. What the rules do not name is left out (rules.ts); the result is made anew and never a copy that was emptied.
 * 2. A resource that names no patient of this laboratory, or that lacks what FHIR demands of it, is left out as a whole.
 * 3. Numbers keep their digits.
 */
import type { JsonObject, JsonValue } from '../fhir/json.ts';
import { isObject } from '../fhir/path/node.ts';
import { rules, type ElementRule } from './rules.ts';
import { areaOf, changes, localTarget, type Place, type Project } from './values.ts';

const absent = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';
const masked: JsonObject = { extension: [{ url: absent, valueCode: 'masked' }] };

/** http://terminology.hl7.org/CodeSystem/v3-ObservationValue: data that were pseudonymised. */
const label: JsonObject = {
  security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'PSEUDED' }],
};

export function deidentified(resource: JsonObject, project: Project): JsonObject | undefined {
  const { resourceType: type, id } = resource;
  if (typeof type !== 'string' || typeof id !== 'string') return undefined;
  const elements = rules.resources.get(type);
  const patient = patientOf(resource, project);
  if (elements === undefined || patient === undefined) return undefined;
  const { pseudonyms } = project;
  const place: Place = { project, days: pseudonyms.daysOf(patient) };
  const kept = membersOf(resource, elements, place);
  if (kept === undefined) return undefined;
  return {
    resourceType: type,
    id: pseudonyms.idOf(type, id),
    meta: label,
    ...kept,
    ...ofPatient(resource, kept, project),
  };
}

function patientOf(resource: JsonObject, { base }: Project): string | undefined {
  const element = rules.patients.get(String(resource['resourceType']));
  if (element === 'id') return String(resource['id']);
  const subject = element === undefined ? undefined : resource[element];
  const target = isObject(subject) ? localTarget(subject['reference'], base) : undefined;
  return target?.type === 'Patient' ? target.id : undefined;
}

/** A year of birth that was left out is said to be, so that it is not taken for one that nobody knows. */
function ofPatient(resource: JsonObject, kept: JsonObject, project: Project): JsonObject {
  if (resource['resourceType'] !== 'Patient') return {};
  const area = areaOf(resource['address'], project);
  const isMasked = typeof resource['birthDate'] === 'string' && kept['birthDate'] === undefined;
  return { ...(isMasked && { _birthDate: masked }), ...(area && { address: [area] }) };
}

/** Undefined where one that is demanded is missing. */
function membersOf(parent: JsonObject, elements: readonly ElementRule[], place: Place): JsonObject | undefined {
  const kept: JsonObject = {};
  for (const element of elements) {
    const value = parent[element.name];
    const changed = value === undefined ? undefined : changedValue(value, element, place);
    if (changed !== undefined) kept[element.name] = changed;
    else if (element.required && element.concept) kept[element.name] = masked;
    else if (element.required) return undefined;
  }
  return kept;
}

function changedValue(value: JsonValue, element: ElementRule, place: Place): JsonValue | undefined {
  if (Array.isArray(value)) {
    const items = value.flatMap((item) => changedValue(item, element, place) ?? []);
    return items.length === 0 ? undefined : items;
  }
  if (element.deed !== undefined) return changes[element.deed](value, place);
  if (element.members === undefined || !isObject(value)) return undefined;
  const members = membersOf(value, element.members, place);
  return members === undefined || Object.keys(members).length === 0 ? undefined : members;
}
