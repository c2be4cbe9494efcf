/** Resources in which every element that FHIR has holds something that could give away a person. */
import { isPrimitive, propertyShape, shapeOf } from '../../src/fhir/definitions.ts';
import type { JsonObject, JsonValue } from '../../src/fhir/json.ts';

/** Stands in every text; no rule may let it pass. */
export const secret = 'zq7';
/** Stands in every date. */
export const day = '1931-05-17';

const extension: JsonObject = { url: `urn:${secret}`, valueString: secret };

export interface Filling {
  /** A number below the given one, another each time. */
  readonly pick: (below: number) => number;
  readonly base: string;
}

const deepest = 3;

export function filled(type: string, filling: Filling, depth = 0): JsonObject {
  const shape = shapeOf(type);
  const value: JsonObject = {};
  for (const [name, property] of shape?.properties ?? []) {
    const { element, type: own } = property;
    const one = (): JsonValue | undefined => {
      if (isPrimitive(own.code) || own.code.startsWith('http')) return primitive(own.code, name, filling);
      if (own.code === 'Resource') return depth > 0 ? undefined : contained(filling);
      if (own.code === 'Reference') return reference(filling);
      if (own.code === 'Extension') return extension;
      const inner = propertyShape(property);
      return inner === undefined || depth >= deepest ? undefined : filled(inner.path, filling, depth + 1);
    };
    const made = element.max > 1 ? [one()].filter((item) => item !== undefined) : one();
    if (made === undefined || (Array.isArray(made) && made.length === 0)) continue;
    value[name] = made;
    if (isPrimitive(own.code)) value[`_${name}`] = { extension: [extension] };
  }
  return value;
}

function contained(filling: Filling): JsonObject {
  return { resourceType: 'Patient', ...filled('Patient', filling, deepest - 1), id: secret };
}

function primitive(code: string, name: string, { pick }: Filling): JsonValue {
  if (code === 'boolean') return true;
  if (code === 'decimal' || code === 'integer' || code === 'positiveInt' || code === 'unsignedInt') return 7;
  if (code === 'date') return [day, day.slice(0, 7)][pick(2)] ?? day;
  if (code === 'dateTime') return [day, day.slice(0, 7), `${day}T10:20:30.456+03:00`][pick(3)] ?? day;
  if (code === 'instant') return `${day}T10:20:30.456Z`;
  if (code === 'time') return '10:20:30';
  // FHIR says which words there may be, and the server sees to it.
  if (['status', 'intent', 'gender'].includes(name)) return 'final';
  if (name === 'system') return ['http://loinc.org', 'http://snomed.info/sct', `urn:${secret}`][pick(3)] ?? '';
  return `${secret} ${pick(1_000)}`;
}

function reference({ pick, base }: Filling): JsonObject {
  const type = ['Patient', 'Observation', 'Practitioner', 'Specimen'][pick(4)] ?? '';
  const forms = [
    `${type}/${secret}`,
    `${type}/${secret}/_history/2`,
    `${base}/${type}/${secret}`,
    `https://other.example/${secret}/${type}/${secret}`,
    `#${secret}`,
    `urn:uuid:${secret}`,
  ];
  return { reference: forms[pick(forms.length)] ?? '', display: secret, identifier: { value: secret, system: secret } };
}
