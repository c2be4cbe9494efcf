/** A message explained, as Parameters. */
import type { JsonObject } from '../fhir/json.ts';
import type { Place, Problem } from '../hl7v2/acknowledge.ts';
import type { StoredMessage } from '../store/messages.ts';
import type { ExplainedField, ExplainedResource, ExplainedSegment, Explanation } from '../translation/explain.ts';

export function explanationParts(explanation: Explanation, stored: StoredMessage | undefined): JsonObject {
  const { type, version, segments, resources, problems, unmapped } = explanation;
  return {
    resourceType: 'Parameters',
    parameter: [
      ...(stored === undefined ? [] : storedParts(stored)),
      text('type', type),
      ...(version === '' ? [] : [text('version', version)]),
      ...segments.map(segmentPart),
      ...resources.map(resourcePart),
      ...(problems.length === 0 ? [] : [{ name: 'outcome', resource: outcome(problems) }]),
      ...unmapped.map(({ system, code, display, place }) => ({
        name: 'unmapped',
        part: [
          text('place', placeText(place)),
          { name: 'code', valueCoding: { system, code, ...(display !== '' && { display }) } },
        ],
      })),
    ],
  };
}

function text(name: string, valueString: string): JsonObject {
  return { name, valueString };
}

function storedParts({ id, received, status, resources }: StoredMessage): JsonObject[] {
  return [
    { name: 'id', valueId: id },
    { name: 'received', valueInstant: received },
    { name: 'status', valueCode: status },
    ...resources.map((reference) => ({ name: 'made', valueReference: { reference } })),
  ];
}

function segmentPart({ place, name, fields }: ExplainedSegment): JsonObject {
  const named = name === '' ? [] : [text('name', name)];
  return { name: 'segment', part: [text('place', place), ...named, ...fields.map(fieldPart)] };
}

function fieldPart({ place, name, value, meaning, fate, became }: ExplainedField): JsonObject {
  return {
    name: 'field',
    part: [
      text('place', place),
      ...(name === '' ? [] : [text('name', name)]),
      ...(value.trim() === '' ? [] : [text('value', value)]),
      ...(meaning === undefined ? [] : [text('meaning', meaning)]),
      { name: 'fate', valueCode: fate },
      ...became.map((element) => text('became', element)),
    ],
  };
}

function resourcePart({ name, deed, elements }: ExplainedResource): JsonObject {
  return {
    name: 'resource',
    part: [
      text('name', name),
      ...(deed === undefined ? [] : [{ name: 'deed', valueCode: deed }]),
      ...elements.map(({ path, value, from }) => ({
        name: 'element',
        part: [
          text('path', path),
          ...(value.trim() === '' ? [] : [text('value', value)]),
          ...from.map((place) => text('from', place)),
        ],
      })),
    ],
  };
}

const severities = { E: 'error', W: 'warning', I: 'information' } as const;

function outcome(problems: readonly Problem[]): JsonObject {
  return {
    resourceType: 'OperationOutcome',
    issue: problems.map(({ sentence, severity = 'E', place }) => ({
      severity: severities[severity],
      code: 'processing',
      diagnostics: sentence,
      ...(place !== undefined && { location: [placeText(place)] }),
    })),
  };
}

export function placeText({ segment, sequence, field, component }: Place): string {
  const at = sequence === undefined || sequence === 1 ? segment : `${segment}[${sequence}]`;
  if (field === undefined) return at;
  return component === undefined ? `${at}-${field}` : `${at}-${field}.${component}`;
}
