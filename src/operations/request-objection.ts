/**
 * Objection (GDPR Art. 21): upheld, it becomes a Consent of the patient that denies the purposes, through the ordinary door, so
 * that every path obeys it; dismissed, the reason is the evidence.
 */
import type { JsonObject } from '../fhir/json.ts';
import { purposeSystem } from '../access/purpose.ts';
import { numberSystem, part } from '../privacy/request-task.ts';
import type { Context } from '../request.ts';
import { post } from './request-door.ts';
import type { CarriedOut, Carrying } from './request-carry-out.ts';
import { missing, oneOf } from './request-input.ts';
import { withAllRights } from './request-writing.ts';

const decisions = ['upheld', 'dismissed'] as const;

export async function objection(context: Context, carrying: Carrying): Promise<CarriedOut> {
  const { input, reason, patient, facts } = carrying;
  const decision = oneOf(input, 'decision', decisions) ?? missing('decision');
  const purposes = [...new Set(input.texts('purpose'))];
  const decided = part('decision', { valueCode: decision });
  if (decision === 'dismissed') {
    const grounds = reason ?? missing('reason');
    return { outputs: [decided, part('evidence', { valueString: grounds })], documents: [] };
  }
  if (purposes.length === 0) missing('purpose');
  // Done twice, or by two at once, it is one Consent.
  const number = `${facts.number}.${[...purposes].sort().join('.')}`;
  const answer = await post(withAllRights(context), ['Consent'], consentOf(patient, purposes, number), {
    'if-none-exist': `identifier=${numberSystem}|${number}`,
  });
  const id = /\/Consent\/([^/]+)/.exec(answer.headers?.['location'] ?? '')?.[1];
  return {
    outputs: [
      decided,
      ...purposes.map((code) => part('purpose', { valueCoding: { system: purposeSystem, code } })),
      part('evidence', { valueReference: { reference: `Consent/${id}` } }),
    ],
    documents: [],
  };
}

function consentOf(patient: string, purposes: readonly string[], number: string): JsonObject {
  const scope = 'http://terminology.hl7.org/CodeSystem/consentscope';
  return {
    resourceType: 'Consent',
    identifier: [{ system: numberSystem, value: number }],
    status: 'active',
    scope: { coding: [{ system: scope, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patient}` },
    dateTime: new Date().toISOString(),
    policy: [{ uri: 'https://gdpr-info.eu/art-21-gdpr/' }],
    provision: { type: 'deny', purpose: purposes.map((code) => ({ system: purposeSystem, code })) },
  };
}
