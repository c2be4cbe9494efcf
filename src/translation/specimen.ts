/** SPM and SAC → Specimen. v2-to-FHIR segment map SPM[Specimen]; SAC, where it is silent, as IHE LAW uses it. */
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader, Repetition } from '../hl7v2/message.ts';
import { allOf, byIdentifier, concept, entityIdentifier, identifier, object, present } from './datatypes.ts';
import { unique } from './patient.ts';
import { dateTime } from './times.ts';
import type { Target } from './translation.ts';
import { decimalText, quantityUnit, withDecimal } from './value.ts';

export interface SpecimenOf {
  readonly subject: JsonObject | undefined;
  readonly authority: string;
  /** The container of the specimen, where the message has one. */
  readonly sac?: FieldReader | undefined;
}

/** A reference to the specimen; undefined where nothing names it. */
export function specimen(
  target: Target,
  spm: FieldReader,
  { subject, authority, sac }: SpecimenOf,
): JsonObject | undefined {
  const { settings } = target;
  const [placer, filler] = [
    pairIdentifier(target, spm, { component: 1, type: 'PGN', authority }),
    pairIdentifier(target, spm, { component: 2, type: 'FGN', authority }),
  ];
  // IHE LAW: the id of the specimen is in SAC-3 where SPM-2 is empty.
  const container = sac && entityIdentifier(settings, sac.first(3), { authority });
  const accession = identifier(settings, spm.first(30), authority) ?? filler ?? container;
  const identifiers = unique(
    present([
      placer,
      filler,
      filler === undefined ? container : undefined,
      ...allOf(spm, 31, (cx) => identifier(settings, cx, authority)),
    ]),
  );
  const place = (field: number): { segment: string; sequence: number; field: number } => ({
    segment: 'SPM',
    sequence: Number(spm.text(1)) || 1,
    field,
  });
  const collected = collection(target, spm, place);
  const rejected = spm.repetitions(21).map((one) => concept(target, one, place(21)));
  const additive = concept(target, spm.first(6), place(6));
  const tube =
    container === undefined && additive === undefined
      ? undefined
      : object({ identifier: container && [container], additiveCodeableConcept: additive });
  const resource = object({
    resourceType: 'Specimen',
    identifier: identifiers,
    accessionIdentifier: accession,
    // A rejected specimen, SPM-20 and SPM-21, has no target in the guide: it cannot be used.
    status: spm.text(20) === 'N' || rejected.length > 0 ? 'unsatisfactory' : 'available',
    type: concept(target, spm.first(4), place(4)),
    subject,
    receivedTime: dateTime(spm.text(18), settings.zone),
    collection: Object.keys(collected).length === 0 ? undefined : collected,
    container: tube === undefined ? undefined : [tube],
    condition: [
      ...allOf(spm, 24, (one) => concept(target, one, place(24))),
      ...rejected.filter((one) => one !== undefined),
    ],
    note: allOf(spm, 14, (one) => (one.text() === '' ? undefined : { text: one.text() })),
  });
  if (identifiers.length === 0 && resource['type'] === undefined) return undefined;
  return target.add(resource, identifiers.flatMap(byIdentifier));
}

/** SPM-2 is a pair: the placer's and the filler's. */
function pairIdentifier(
  { settings }: Target,
  spm: FieldReader,
  { component, type, authority }: { component: number; type: string; authority: string },
): JsonObject | undefined {
  const pair = spm.first(2);
  const part = (subcomponent: number): string => pair.text(component, subcomponent);
  const read = { raw: '', empty: false, components: 4, part, text: (at = 1) => part(at) };
  return entityIdentifier(settings, read, { type, authority });
}

function collection(
  target: Target,
  spm: FieldReader,
  place: (field: number) => { segment: string; sequence: number; field: number },
): JsonObject {
  const { zone } = target.settings;
  const [start, end] = [dateTime(spm.text(17), zone), dateTime(spm.text(17, 2), zone)];
  const amount = decimalText(spm.text(12));
  return object({
    ...(end === undefined ? { collectedDateTime: start } : { collectedPeriod: object({ start, end }) }),
    quantity:
      amount === undefined ? undefined : withDecimal({ ...quantityUnit(secondComponent(spm)) }, 'value', amount),
    method: concept(target, spm.first(7), place(7)),
    bodySite: concept(target, spm.first(8), place(8)),
  });
}

/** CQ.2 is a CWE in subcomponents. */
function secondComponent(spm: FieldReader): Repetition {
  const cq = spm.first(12);
  const part = (at: number): string => cq.text(2, at);
  return { raw: '', empty: cq.empty, components: 6, part, text: (at = 1) => part(at) };
}
