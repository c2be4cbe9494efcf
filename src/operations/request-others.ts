/** Whose record a resource is, as far as it says so itself. Pure. */
import type { JsonObject, JsonValue } from '../fhir/json.ts';

const owners = ['subject', 'patient', 'beneficiary', 'for', 'individual'];

/** The id of the one Patient whose record it is; undefined where it is nobody's, or several's. */
export function ownerNamed(resource: JsonObject): string | undefined {
  if (resource['resourceType'] === 'Patient') return String(resource['id']);
  for (const name of owners) {
    const id = patientIn(resource[name]);
    if (id !== undefined) return id;
  }
  return undefined;
}

function patientIn(value: JsonValue | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { reference } = value;
  return typeof reference === 'string'
    ? /(?:^|\/)Patient\/([A-Za-z0-9.-]{1,64})(?:\/_history\/|$)/.exec(reference)?.[1]
    : undefined;
}
