/**
 * OBX → Observation. v2-to-FHIR segment map OBX[Observation].
 *
 * An observation is found again by an identifier made of what names it for its sender: the number of the order (OBR-3, else
 * OBR-2, else the specimen), what was ordered, OBX-3 and OBX-4. So a correction meets the result it corrects. Senders that
 * leave OBX-4 out and repeat OBX-3 mean several results: they are told apart by their order.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader } from '../hl7v2/message.ts';
import { interpretations, resultStatuses } from './codes.ts';
import { allOf, byIdentifier, concept, entityIdentifier, object, practitioner, systemOf } from './datatypes.ts';
import { dateTime, instant } from './times.ts';
import type { Target } from './translation.ts';
import { observationValue, referenceRange } from './value.ts';

export interface ObservationOf {
  readonly subject: JsonObject | undefined;
  readonly encounter: JsonObject | undefined;
  readonly specimen: JsonObject | undefined;
  readonly basedOn: JsonObject | undefined;
  readonly authority: string;
  readonly obr: FieldReader | undefined;
  /** What the sender calls the order, specimen or run that the result is of. */
  readonly source: string;
  /** Names of results that this message had before: one that comes twice is two results. */
  readonly seen: Map<string, number>;
  /** What was told with an order: no result of a laboratory. */
  readonly asked?: true;
  /** Which OBX of the message, from 1. */
  readonly sequence: number;
}

export const observationSystem = 'urn:makhbar:hl7v2:observation';
const absent = 'http://terminology.hl7.org/CodeSystem/data-absent-reason';

const laboratory = {
  coding: [
    {
      system: 'http://terminology.hl7.org/CodeSystem/observation-category',
      code: 'laboratory',
      display: 'Laboratory',
    },
  ],
};

/** A reference to the observation; undefined where OBX-3 names nothing. */
export function observation(target: Target, obx: FieldReader, of: ObservationOf): JsonObject | undefined {
  const { zone } = target.settings;
  const place = (field: number): { segment: string; sequence: number; field: number } => ({
    segment: 'OBX',
    sequence: of.sequence,
    field,
  });
  const code = concept(target, obx.first(3), place(3));
  if (code === undefined) {
    target.problem({ code: '101', sentence: 'OBX-3 must name what was observed.', place: place(3) });
    return undefined;
  }
  const value = observationValue(target, obx, of.sequence);
  const status = statusOf(target, obx, of);
  const own = identifierOf(obx, of);
  const missing = Object.keys(value).length === 0 && !['registered', 'entered-in-error'].includes(status);
  const device = entityIdentifier(target.settings, obx.first(18), { authority: of.authority });
  const resource = object({
    resourceType: 'Observation',
    identifier: [own],
    basedOn: of.basedOn === undefined ? undefined : [of.basedOn],
    status,
    category: of.asked === undefined ? [laboratory] : undefined,
    code,
    subject: of.subject,
    encounter: of.encounter,
    effectiveDateTime: dateTime(obx.text(14) || (of.obr?.text(7) ?? ''), zone),
    issued: instant(obx.text(19) || (of.obr?.text(22) ?? ''), zone),
    performer: [
      ...allOf(obx, 16, (xcn) => practitioner(target, xcn, of.authority)),
      ...organization(target, obx, of.authority),
    ],
    ...value,
    dataAbsentReason: missing
      ? { coding: [{ system: absent, code: status === 'cancelled' ? 'not-performed' : 'unknown' }] }
      : undefined,
    interpretation: allOf(obx, 8, interpretation),
    bodySite: concept(target, obx.first(20), place(20)),
    method: concept(target, obx.first(17), place(17)),
    specimen: of.specimen,
    device: device === undefined ? undefined : { identifier: device },
    referenceRange: referenceRange(obx),
  });
  return target.add(resource, byIdentifier(own));
}

/** The laboratory that did it: OBX-23, else OBX-15, which the guide makes an identifier although it is coded. */
function organization({ settings }: Target, obx: FieldReader, authority: string): JsonObject[] {
  const named = allOf(obx, 23, (xon) => {
    const value = xon.text(10) || xon.text(3);
    const assigner =
      systemOf(settings, xon.text(6, 1), xon.text(6, 2), xon.text(6, 3)) ?? systemOf(settings, authority);
    const identifier = value === '' ? undefined : object({ system: assigner, value });
    const display = xon.text(1);
    return identifier === undefined && display === ''
      ? undefined
      : object({ type: 'Organization', identifier, display });
  });
  if (named.length > 0) return named;
  const producer = obx.first(15);
  const [value, display] = [producer.text(1), producer.text(2)];
  const system = systemOf(settings, producer.text(3)) ?? systemOf(settings, authority);
  const found = object({ identifier: value === '' ? undefined : object({ system, value }), display });
  return Object.keys(found).length === 0 ? [] : [{ type: 'Organization', ...found }];
}

function statusOf(target: Target, obx: FieldReader, { sequence }: ObservationOf): string {
  const sent = obx.text(11);
  const status = resultStatuses[sent];
  if (status !== undefined) return status;
  if (sent !== '') {
    target.problem({
      code: '103',
      severity: 'W',
      sentence: 'OBX-11 is no code of table 0085; the result was stored with the status unknown.',
      place: { segment: 'OBX', sequence, field: 11 },
    });
  }
  return 'unknown';
}

/** Hashed where it would be longer than an index takes; nothing of the patient is in it. */
function identifierOf(obx: FieldReader, { source, obr, seen }: ObservationOf): JsonObject {
  const name = (segment: FieldReader | undefined, field: number): string => {
    const cwe = segment?.first(field);
    return [cwe?.text(1) || cwe?.text(4) || cwe?.text(2), cwe?.text(3) || cwe?.text(6)].join('^');
  };
  const named = [source, name(obr, 4), name(obx, 3), obx.text(4)].join('|');
  const nth = (seen.get(named) ?? 0) + 1;
  seen.set(named, nth);
  const parts = nth === 1 ? named : `${named}|${nth}`;
  const value = parts.length <= 200 ? parts : createHash('sha256').update(parts).digest('hex');
  return { system: observationSystem, value };
}

function interpretation(one: { text: (component?: number) => string }): JsonObject | undefined {
  const [code, text] = [one.text(1).trim(), one.text(2)];
  if (code === '') return text === '' ? undefined : { text };
  // NR and A mean what v3 means; what is no code of v3 is kept as the text of table 0078.
  const system = interpretations.has(code)
    ? 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation'
    : 'http://terminology.hl7.org/CodeSystem/v2-0078';
  return { coding: [object({ system, code, display: text })] };
}
