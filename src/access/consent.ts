/**
 * Privacy consents: from a Consent to the rules that decide access. Pure. The store keeps the rules beside the Consent,
 * search/consent-sql.ts asks them in every statement. https://hl7.org/fhir/R4/consent.html and IHE Privacy Consent on FHIR
 * (PCF 1.1, ITI TF-1: 53; the sections of its content profiles stand in brackets).
 *
 * 1. In force is a Consent of scope patient-privacy whose status is active, from its dateTime on, within the period of
 *    its provision [3:5.8.2]. Any other status, a deletion, or the end of the period ends it at once.
 * 2. The base is `provision.type` [3:5.8.1], or where R4's own form leaves that out, policyRule OPTIN or OPTOUT.
 * 3. A provision concerns a request when its actor, action and purpose [3:5.8.2, 3:5.8.3] do, and a resource when
 *    its dataPeriod, data [3:5.8.3], securityLabel [3:5.8.4], class and code do. Elements demand together, repetitions
 *    are alternatives, an absent element demands nothing.
 * 4. Nested provisions are exceptions: one inherits what it does not state itself, and what it states takes the place
 *    of its parent's (PCF's "normal, and focused restricted": the exception names another label than the base). Only
 *    periods are never widened. The deepest provision that matches decides; of equally deep ones a denial.
 * 5. A permitting base that names resources permits those and denies all others to the requests it concerns (PCF:
 *    nothing but the related data); a denying one leaves the others undecided.
 * 6. Between consents a denial wins. Where none decides, the laboratory's setting consentDefault does [1:53.2.1].
 * 7. A purpose covers the narrower ones of v3-ActReason (TREAT covers ETREAT). The denial of a confidentiality covers
 *    the more confidential ones (R covers V); a resource without one is N.
 * 8. A custodian (role CST) is whoever holds the data: this laboratory, whatever its name there. Other actors receive.
 * 9. Not understood is refused when written; what is stored all the same denies everything (`storedRules`).
 */
import { OutcomeError } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/json.ts';
import { endless } from '../search/interval.ts';
import { provisionRules } from './consent-provision.ts';
import { anyData, anyRequest, type ConsentRule, type ConsentRules } from './consent-rule.ts';
import {
  checkModifiers,
  elements,
  hasCode,
  localReference,
  refusal,
  startOf,
  type ConsentContext,
} from './consent-elements.ts';

/** Whether it is a consent about privacy that says it is in force. */
export function isInForce(consent: JsonObject): boolean {
  return consent['resourceType'] === 'Consent' && consent['status'] === 'active' && isAboutPrivacy(consent);
}

const scopeSystem = 'http://terminology.hl7.org/CodeSystem/consentscope';

/** Without a code, or with one that names no system, it may be. */
function isAboutPrivacy({ scope }: JsonObject): boolean {
  const codings = elements((scope as JsonObject | undefined)?.['coding']);
  return (
    codings.length === 0 ||
    hasCode(codings, scopeSystem, 'patient-privacy') ||
    hasCode(codings, undefined, 'patient-privacy')
  );
}

/**
 * The rules of a Consent; undefined where it is not in force.
 * @throws OutcomeError `business-rule` with the element, where it cannot be understood.
 */
export function consentRules(consent: JsonObject, context: ConsentContext): ConsentRules | undefined {
  if (!isInForce(consent)) return undefined;
  if (elements((consent['scope'] as JsonObject | undefined)?.['coding']).length === 0) {
    throw refusal('Consent.scope', 'a Consent that is active needs a coded scope, patient-privacy for instance');
  }
  checkModifiers(consent);
  checkVerified(consent);
  const patient = localReference('Consent.patient', consent['patient'] as JsonObject | undefined, context);
  if (!patient.startsWith('Patient/'))
    throw refusal('Consent.patient', 'it must refer to a Patient of this laboratory');
  const from = startOf('Consent.dateTime', consent['dateTime'], context);
  return { patient: patient.slice('Patient/'.length), rules: provisionRules(consent, from, context) };
}

function checkVerified({ verification }: JsonObject): void {
  const unverified = elements(verification).findIndex(({ verified }) => verified !== true);
  if (unverified < 0) return;
  throw refusal(`Consent.verification[${unverified}].verified`, 'a Consent that is not verified cannot be active yet');
}

/** The rules of a Consent that is stored already: one that cannot be understood denies everything about its patient. */
export function storedRules(consent: JsonObject, context: ConsentContext): ConsentRules | undefined {
  try {
    return consentRules(consent, context);
  } catch (error) {
    if (!(error instanceof OutcomeError)) throw error;
    const patient = patientOf(consent, context);
    return patient === undefined ? undefined : { patient, rules: [denyAll] };
  }
}

function patientOf(consent: JsonObject, context: ConsentContext): string | undefined {
  try {
    const reference = localReference('Consent.patient', consent['patient'] as JsonObject | undefined, context);
    return reference.startsWith('Patient/') ? reference.slice('Patient/'.length) : undefined;
  } catch (error) {
    if (error instanceof OutcomeError) return undefined;
    throw error;
  }
}

const denyAll: ConsentRule = {
  ...anyRequest,
  ...anyData,
  path: 'Consent',
  depth: 0,
  permit: false,
  low: -endless,
  high: endless,
};
