/** ORC and OBR → ServiceRequest. v2-to-FHIR segment maps ORC[ServiceRequest], OBR[ServiceRequest]. */
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader } from '../hl7v2/message.ts';
import { orderStates, orderStatuses, priorities } from './codes.ts';
import { allOf, byIdentifier, concept, entityIdentifier, object, practitioner, within } from './datatypes.ts';
import { dateTime } from './times.ts';
import type { Found, Target } from './translation.ts';

export interface OrderOf {
  readonly subject: JsonObject;
  readonly encounter: JsonObject | undefined;
  readonly specimen: readonly JsonObject[];
  readonly authority: string;
  readonly notes: readonly JsonObject[];
  /** The message only refers to the order: results. */
  readonly keep?: true;
}

/** The numbers of an order: OBR before ORC, whose numbers may be those of a group. */
export function orderNumbers(
  { settings }: Target,
  { orc, obr, authority }: { orc: FieldReader | undefined; obr: FieldReader | undefined; authority: string },
): { placer: JsonObject | undefined; filler: JsonObject | undefined } {
  const read = (field: number, type: string): JsonObject | undefined => {
    for (const segment of [obr, orc]) {
      const found = segment && entityIdentifier(settings, segment.first(field), { type, authority });
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return { placer: read(2, 'PLAC'), filler: read(3, 'FILL') };
}

/** A reference to the order; undefined where it has no number. */
export function order(
  target: Target,
  segments: { readonly orc: FieldReader | undefined; readonly obr: FieldReader },
  of: OrderOf,
): JsonObject | undefined {
  const { orc, obr } = segments;
  const { placer, filler } = orderNumbers(target, { ...segments, authority: of.authority });
  const numbers = [placer, filler].filter((one) => one !== undefined);
  if (numbers.length === 0) return undefined;
  const sequence = Number(obr.text(1)) || 1;
  const code = concept(target, obr.first(4), { segment: 'OBR', sequence, field: 4 });
  const priority = priorities[orc?.text(7, 6) || obr.text(27, 6) || obr.text(5)];
  const group = orc && entityIdentifier(target.settings, orc.first(4), { type: 'PGN', authority: of.authority });
  const requester = [orc, obr]
    .flatMap((segment) => (segment === undefined ? [] : [{ segment, field: segment === orc ? 12 : 16 }]))
    .flatMap(({ segment, field }) => allOf(segment, field, (xcn) => practitioner(target, xcn, of.authority)))[0];
  const resource = object({
    resourceType: 'ServiceRequest',
    identifier: numbers,
    basedOn: parentOf(target, segments, of),
    requisition: group,
    status: orderStates[orc?.text(5) ?? ''] ?? orderStatuses[orc?.text(1) ?? ''] ?? 'active',
    intent: 'order',
    category: [{ coding: [{ system: 'http://snomed.info/sct', code: '108252007', display: 'Laboratory procedure' }] }],
    priority,
    code,
    subject: of.subject,
    encounter: of.encounter,
    occurrenceDateTime: dateTime(orc?.text(7, 4) || obr.text(27, 4) || obr.text(6), target.settings.zone),
    authoredOn: dateTime(orc?.text(9) ?? '', target.settings.zone),
    requester,
    reasonCode: allOf(obr, 31, (one) => concept(target, one, { segment: 'OBR', sequence, field: 31 })),
    specimen: [...of.specimen],
    note: [...of.notes],
  });
  // One placer's number may stand for several tests: the code tells them apart.
  return target.add(resource, byNumberAndCode(numbers, code), of.keep && 'keep');
}

/**
 * The order that this one is for (a reflex test), by its number: ORC-8, else OBR-29, which of a result names the order of the
 * parent result (parents.ts).
 */
function parentOf(
  { settings }: Target,
  { orc, obr }: { readonly orc: FieldReader | undefined; readonly obr: FieldReader },
  { authority, keep }: OrderOf,
): JsonObject[] {
  const places = [
    ...(orc === undefined ? [] : [{ segment: orc, field: 8 }]),
    ...(keep ? [] : [{ segment: obr, field: 29 }]),
  ];
  const numbers = places.flatMap(({ segment, field }) =>
    [1, 2].flatMap((at) => entityIdentifier(settings, within(segment, field, at), { authority }) ?? []),
  );
  return numbers.slice(0, 1).map((identifier) => ({ type: 'ServiceRequest', identifier }));
}

export function byNumberAndCode(numbers: readonly JsonObject[], concept: JsonObject | undefined): Found[] {
  const [first] = (concept?.['coding'] ?? []) as { system?: string; code?: string }[];
  const { system, code } = first ?? {};
  const told = system === undefined || code === undefined ? {} : { code: { system, code } };
  return numbers.flatMap(byIdentifier).map((one) => ({ ...one, ...told }));
}
