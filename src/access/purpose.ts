/**
 * Purposes of use: why somebody asks. Pure. http://terminology.hl7.org/ValueSet/v3-PurposeOfUse
 *
 * A request says its purpose by the header X-Purpose-Of-Use: codes, or `system|code`, separated by commas. Without it the
 * token's purposes hold, and without those the caller's by default: TREAT for who treats (see `clinical`), PATRQT for a
 * patient or a related person, HOPERAT for everybody else. A purpose only chooses among what consents permit.
 */
import { ancestorsOf, codesOf } from '../fhir/terminology.ts';
import { outcomeError } from '../fhir/outcome.ts';

export const purposeSystem = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';

/** Break the glass: an emergency (break-glass.ts). */
export const emergency = 'BTG';

let known: ReadonlySet<string> | undefined;

export function isPurpose(code: string): boolean {
  known ??= new Set(
    codesOf('http://terminology.hl7.org/ValueSet/v3-PurposeOfUse')?.map((purpose) => purpose.code) ?? [],
  );
  return known.has(code);
}

/** Purposes that a request may name at once: a guess. */
const most = 10;

/** @throws OutcomeError 400 for what is no purpose of use. */
export function readPurposes(header: string): string[] {
  const named = header.split(',').map((part) => part.trim());
  if (named.length > most) {
    throw outcomeError('invalid', `X-Purpose-Of-Use names at most ${most} purposes.`, { status: 400 });
  }
  return [...new Set(named.map(readPurpose))];
}

function readPurpose(written: string): string {
  const code = written.startsWith(`${purposeSystem}|`) ? written.slice(purposeSystem.length + 1) : written;
  if (isPurpose(code)) return code;
  throw outcomeError(
    'code-invalid',
    `X-Purpose-Of-Use: "${written.slice(0, 100)}" is no code of v3-PurposeOfUse, as TREAT or HRESCH are.`,
    { status: 400 },
  );
}

/** Each purpose with those that include it: a provision for one of these is for this request. */
export function coveringPurposes(purposes: readonly string[]): string[] {
  return [...new Set(purposes.flatMap((purpose) => [...(ancestorsOf(purposeSystem, purpose) ?? [purpose])]))];
}

/** Shipped roles that care for patients. */
const clinical: ReadonlySet<string> = new Set(['phlebotomist', 'technician', 'pathologist', 'referring-physician']);

export function defaultPurposes(roles: readonly string[], fhirUser: string | undefined): string[] {
  if (roles.some((role) => clinical.has(role))) return ['TREAT'];
  if (roles.includes('patient') || /^(Patient|RelatedPerson)\//.test(fhirUser ?? '')) return ['PATRQT'];
  return ['HOPERAT'];
}
