/**
 * NK1 → RelatedPerson. v2-to-FHIR segment map NK1[RelatedPerson].
 *
 * Most senders give no identifier of the relative (NK1-33): it is found again by the patient's own and the name, hashed, so
 * that a message sent again makes no second relative.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader } from '../hl7v2/message.ts';
import { genders } from './codes.ts';
import { address, allOf, concept, contactPoint, humanName, identifier, object } from './datatypes.ts';
import { dateOnly, dateTime } from './times.ts';
import type { Target } from './translation.ts';

export interface RelativeOf {
  readonly patient: JsonObject;
  readonly authority: string;
}

const relativeSystem = 'urn:makhbar:hl7v2:relative';

export function relative(target: Target, nk1: FieldReader, { patient, authority }: RelativeOf): void {
  const { settings } = target;
  const sequence = Number(nk1.text(1)) || 1;
  const names = [2, 30].flatMap((field) => allOf(nk1, field, (xpn) => humanName(xpn, settings.zone)));
  const numbers = [33, 12].flatMap((field) => allOf(nk1, field, (cx) => identifier(settings, cx, authority)));
  if (names.length === 0 && numbers.length === 0) return;
  const of = JSON.stringify([numbersOf(target.resource(patient)), names[0] ?? numbers[0]]);
  const own = { system: relativeSystem, value: createHash('sha256').update(of).digest('hex').slice(0, 32) };
  const period = object({ start: dateTime(nk1.text(8), settings.zone), end: dateTime(nk1.text(9), settings.zone) });
  target.add(
    object({
      resourceType: 'RelatedPerson',
      identifier: [own, ...numbers],
      patient,
      relationship: [3, 7].flatMap((field) =>
        allOf(nk1, field, (cwe) => concept(target, cwe, { segment: 'NK1', sequence, field })),
      ),
      name: names,
      telecom: [
        ...[5, 31, 40, 41].flatMap((field) => allOf(nk1, field, (xtn) => contactPoint(xtn, 'home'))),
        ...allOf(nk1, 6, (xtn) => contactPoint(xtn, 'work')),
      ],
      gender: genders[nk1.text(15)],
      birthDate: dateOnly(nk1.text(16)),
      address: [4, 32].flatMap((field) => allOf(nk1, field, address)),
      period: Object.keys(period).length === 0 ? undefined : period,
    }),
    [own],
  );
}

function numbersOf(patient: JsonObject | undefined): string {
  const [first] = (patient?.['identifier'] ?? []) as { system?: string; value?: string }[];
  return `${first?.system ?? ''}|${first?.value ?? ''}`;
}
