/**
 * What an erasure keeps because a law says so: types of resources, or categories that stand for several. Pure.
 *
 * A category keeps the Patient too: a result that nobody can be named for fulfils no duty to keep results. Types are taken
 * as they are named. What is kept is restricted (restrict.ts).
 */
import { isResourceType } from '../fhir/definitions.ts';
import { outcomeError } from '../fhir/outcome.ts';

const clinical = [
  'Patient AllergyIntolerance BodyStructure CarePlan CareTeam ClinicalImpression Composition Condition DeviceRequest',
  'DiagnosticReport DocumentManifest DocumentReference Encounter EpisodeOfCare FamilyMemberHistory Goal ImagingStudy',
  'Immunization Media MedicationAdministration MedicationDispense MedicationRequest MedicationStatement MolecularSequence',
  'NutritionOrder Observation Procedure Provenance QuestionnaireResponse RiskAssessment ServiceRequest Specimen Binary',
];
const financial = [
  'Patient Account ChargeItem Claim ClaimResponse Coverage CoverageEligibilityRequest CoverageEligibilityResponse',
  'ExplanationOfBenefit Invoice PaymentNotice PaymentReconciliation',
];

const categories: Readonly<Record<string, readonly string[]>> = {
  clinical: clinical.join(' ').split(' '),
  financial: financial.join(' ').split(' '),
  consent: ['Patient', 'Consent'],
};

export interface Keeping {
  readonly types: ReadonlySet<string>;
  /** As they were given. */
  readonly given: readonly string[];
  /** The rule of retention. */
  readonly rule?: string;
}

/** @throws OutcomeError where a name is neither, or the rule is missing. */
export function keepingOf(given: readonly string[], rule: string | undefined): Keeping {
  const types = given.flatMap((name) => {
    const category = Object.hasOwn(categories, name) ? categories[name] : undefined;
    if (category !== undefined) return category;
    if (isResourceType(name) && name !== 'AuditEvent') return [name];
    const possible = Object.keys(categories).join(', ');
    throw outcomeError('invalid', `keep takes a resource type or one of ${possible}, not "${name.slice(0, 60)}".`, {
      status: 400,
    });
  });
  const named = rule?.trim();
  if (given.length > 0 && (named === undefined || named.length < 3 || named.length > 300)) {
    throw outcomeError(
      'required',
      'What is kept needs a rule: the name of the rule of retention, 3 to 300 characters.',
      {
        status: 400,
      },
    );
  }
  return { types: new Set(types), given, ...(given.length > 0 && named !== undefined && { rule: named }) };
}
