/** Consents and what their provisions are made of. */

export interface Json {
  [name: string]: unknown;
}

const scope = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] };
const category = [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }];

/** An active privacy consent with this provision. */
export function consent(id: string, provision: Json | undefined, more: Json = {}): Json {
  return {
    resourceType: 'Consent',
    id,
    status: 'active',
    scope,
    category,
    patient: { reference: 'Patient/p' },
    policy: [{ uri: 'https://example.org/policies/privacy' }],
    ...(provision && { provision }),
    ...more,
  };
}

export const purpose = (code: string): Json => ({
  system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  code,
});

export const action = (code: string): Json => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code }],
});

export const confidentiality = (code: string): Json => ({
  system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality',
  code,
});

/** Whoever receives the data. */
export const recipient = (reference: string): Json => ({
  role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
  reference: { reference },
});

export const glucose = { system: 'http://loinc.org', code: '2345-7' };
export const hiv = { system: 'http://loinc.org', code: '75622-1' };
