/**
 * TCD and INV: how a result was made. HL7 v2.5.1 §13.4.10, §13.4.4. The guide is silent and R4 has no element for either: a
 * dilution is a note of the result; a lot is a Device that the extension observation-consumable names.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader } from '../hl7v2/message.ts';
import { concept, object, present } from './datatypes.ts';
import { dateOnly } from './times.ts';
import type { Target } from './translation.ts';

const consumable = 'https://makhbar.org/fhir/StructureDefinition/observation-consumable';

/** SN: `^1^:^5`. */
export function dilutions(tcd: FieldReader): string[] {
  const said = (field: number, what: string): string[] => {
    const ratio = [1, 2, 3, 4].map((component) => tcd.text(field, component)).join('');
    return ratio === '' ? [] : [`${what} ${ratio}`];
  };
  return [...said(2, 'Dilution'), ...said(3, 'Dilution of the rerun')];
}

export function addLots(target: Target, resource: JsonObject, inventory: readonly FieldReader[]): void {
  const lots = present(inventory.map((inv) => lot(target, inv)));
  if (lots.length > 0) resource['extension'] = lots.map((one) => ({ url: consumable, valueReference: one }));
}

/** INV-1 the substance, INV-3 its type, INV-12 when it expires, INV-16 its lot. */
function lot(target: Target, inv: FieldReader): JsonObject | undefined {
  const lotNumber = inv.text(16);
  const type = concept(target, inv.first(1), { segment: 'INV', sequence: 1, field: 1 });
  if (type === undefined) return undefined;
  const named = { system: 'urn:makhbar:lot', value: `${inv.text(1)}|${lotNumber}`.slice(0, 200) };
  const expires = dateOnly(inv.text(12).slice(0, 8));
  const resource = { resourceType: 'Device', identifier: [named], type, lotNumber, expirationDate: expires };
  return target.add(object(resource), [named]);
}
