/** What data are processed for, by the types of resources that are held: GDPR Art. 30(1)(b) and (c). Pure. */

export type PurposeName =
  'diagnosis' | 'identification' | 'billing' | 'consent' | 'staff' | 'scheduling' | 'catalogue' | 'other';

/** Whom the data are about; `nobody`: no person. */
export type Subjects = 'patients' | 'relatives' | 'staff' | 'senders' | 'nobody';

interface Purpose {
  readonly subjects: readonly Subjects[];
  readonly types: readonly string[];
}

export const purposes: Readonly<Record<Exclude<PurposeName, 'other'>, Purpose>> = {
  diagnosis: {
    subjects: ['patients', 'senders'],
    types: [
      'ServiceRequest',
      'Specimen',
      'Observation',
      'DiagnosticReport',
      'Media',
      'ImagingStudy',
      'Condition',
      'Encounter',
      'EpisodeOfCare',
      'Procedure',
      'AllergyIntolerance',
      'Immunization',
      'MedicationRequest',
      'MedicationStatement',
      'MedicationAdministration',
      'FamilyMemberHistory',
      'MolecularSequence',
      'BodyStructure',
      'CarePlan',
      'CareTeam',
      'ClinicalImpression',
      'DocumentReference',
      'Binary',
      'Composition',
      'QuestionnaireResponse',
      'Provenance',
    ],
  },
  identification: { subjects: ['patients', 'relatives'], types: ['Patient', 'RelatedPerson', 'Person'] },
  billing: {
    subjects: ['patients', 'relatives'],
    types: [
      'Coverage',
      'Invoice',
      'ChargeItem',
      'Claim',
      'ClaimResponse',
      'Account',
      'PaymentNotice',
      'ExplanationOfBenefit',
    ],
  },
  consent: { subjects: ['patients'], types: ['Consent'] },
  staff: { subjects: ['staff', 'senders'], types: ['Practitioner', 'PractitionerRole', 'Group'] },
  scheduling: {
    subjects: ['patients', 'staff'],
    types: ['Appointment', 'AppointmentResponse', 'Schedule', 'Slot', 'Task', 'Communication', 'CommunicationRequest'],
  },
  catalogue: {
    subjects: ['nobody'],
    types: [
      'Organization',
      'Location',
      'Device',
      'DeviceDefinition',
      'DeviceMetric',
      'HealthcareService',
      'Endpoint',
      'PlanDefinition',
      'ActivityDefinition',
      'ObservationDefinition',
      'SpecimenDefinition',
      'CodeSystem',
      'ValueSet',
      'ConceptMap',
      'NamingSystem',
      'StructureDefinition',
      'SearchParameter',
      'OperationDefinition',
      'CapabilityStatement',
      'Questionnaire',
      'Library',
      'Substance',
      'Medication',
      'ChargeItemDefinition',
    ],
  },
};

export interface Held {
  readonly type: string;
  readonly count: number;
}

export interface Activity {
  readonly purpose: PurposeName;
  readonly subjects: readonly Subjects[];
  readonly held: readonly Held[];
}

/** The purposes that something is held for. What no purpose names is told as other, and taken to be about patients. */
export function activitiesOf(held: readonly Held[]): Activity[] {
  const named = Object.entries(purposes).map(([purpose, { subjects, types }]) => ({
    purpose: purpose as PurposeName,
    subjects,
    held: held.filter(({ type }) => types.includes(type)),
  }));
  const known = new Set(named.flatMap((activity) => activity.held.map(({ type }) => type)));
  const rest = held.filter(({ type }) => !known.has(type));
  const other: Activity = { purpose: 'other', subjects: ['patients'], held: rest };
  return [...named, other].filter((activity) => activity.held.length > 0);
}
