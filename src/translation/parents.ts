/**
 * OBR-26 and OBR-29: the result that the results of an OBR are of (an organism, whose susceptibilities they are) has them as
 * members. HL7 v2.5.1 §7.4.1.26, §4.5.3.29.
 *
 * 1. The parent is a result of the message, else one that the patient has already: of that code, with that sub-id, of the
 *    order that OBR-29 names. The gateway looks for it (src/gateways/parents.ts).
 * 2. One code and sub-id in several orders is told apart by OBR-29; where that does not, nothing is joined by chance.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { FieldReader } from '../hl7v2/message.ts';
import { byIdentifier, concept, entityIdentifier, object, present, within } from './datatypes.ts';
import type { Target } from './translation.ts';

/** A result that others may be of, and what its order is called. */
interface Candidate {
  readonly reference: JsonObject;
  readonly orders: readonly string[];
}

/** The results of a message by what OBR-26 and OBR-29 call them. */
export type Candidates = Map<string, Candidate[]>;

/** The orders that an OBR is one of, as OBR-29 may call them: by the placer's or the filler's number. */
function orderNames(orc: FieldReader | undefined, obr: FieldReader): string[] {
  return [obr.text(2), obr.text(3), orc?.text(2) ?? '', orc?.text(3) ?? ''].filter((name) => name !== '');
}

/** OBR-26.1 is the code of the parent, in subcomponents; OBR-26.2 its OBX-4. */
function keyOf(code: string, subId: string): string {
  return `${code}|${subId}`;
}

export interface Of {
  readonly obx: FieldReader;
  readonly obr: FieldReader;
  readonly orc: FieldReader | undefined;
}

export function noteCandidate(candidates: Candidates, reference: JsonObject, { obx, obr, orc }: Of): void {
  const key = keyOf(obx.text(3), obx.text(4));
  candidates.set(key, [...(candidates.get(key) ?? []), { reference, orders: orderNames(orc, obr) }]);
}

export interface Joining {
  readonly obr: FieldReader;
  readonly members: readonly JsonObject[];
  readonly candidates: Candidates;
  readonly subject: JsonObject;
  readonly authority: string;
}

export function joinParent(target: Target, joining: Joining): void {
  const { obr, members, candidates } = joining;
  if (obr.first(26).empty || members.length === 0) return;
  const named = [obr.text(29, 1), obr.text(29, 2)].filter((name) => name !== '');
  const all = candidates.get(keyOf(obr.text(26, 1), obr.text(26, 2))) ?? [];
  const others = all.filter(
    ({ reference }) => !members.some((member) => member['reference'] === reference['reference']),
  );
  const within = others.filter(({ orders }) => named.length === 0 || named.some((name) => orders.includes(name)));
  if (within.length > 1) {
    const sentence =
      'OBR-26 names several results of this message; OBR-29 and OBX-4 must tell which of them is the parent.';
    target.problem({ code: '204', sentence, place: placeOf(obr) });
    return;
  }
  const [parent] = within;
  if (parent === undefined) return joinElsewhere(target, joining);
  const resource = target.resource(parent.reference);
  if (resource === undefined) return;
  resource['hasMember'] = [...((resource['hasMember'] as JsonObject[] | undefined) ?? []), ...members];
}

function placeOf(obr: FieldReader): { segment: string; sequence: number; field: number } {
  return { segment: 'OBR', sequence: Number(obr.text(1)) || 1, field: 26 };
}

/** What is looked for is written as it would be found: the code, the patient, the numbers of the order. */
function joinElsewhere(target: Target, { obr, members, subject, authority }: Joining): void {
  const { settings } = target;
  const place = placeOf(obr);
  // A code without a mapping was told where the parent came.
  const code = concept({ ...target, unmapped: () => undefined }, within(obr, 26, 1), place);
  if (code === undefined) {
    const sentence = 'OBR-26 names no result of this message; what belongs to it is kept without that link.';
    target.problem({ code: '204', severity: 'W', sentence, place });
    return;
  }
  const orders = present([1, 2].map((at) => entityIdentifier(settings, within(obr, 29, at), { authority })));
  const resource = object({
    resourceType: 'Observation',
    basedOn: orders.map((identifier) => ({ type: 'ServiceRequest', identifier })),
    code,
    subject,
    hasMember: [...members],
  });
  const name = [obr.text(26, 1, 1) || obr.text(26, 1, 2), obr.text(26, 1, 3)].join('^');
  const parent = { ended: `|${name}|${obr.text(26, 2)}`, orders: orders.flatMap(byIdentifier), place };
  target.add(resource, [], { change: true, parent });
}
