/**
 * ServiceRequest → ORC and OBR, and the messages OML^O21 and OML^O33. HL7 v2.5.1 §4.4.6, §4.4.8, §4.5.1, §4.5.3; the way back
 * of ../order.ts. ORC-1 tells what happened to the order.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { orderStates, priorities } from '../codes.ts';
import { concept, entityIdentifier, identifierOfType, person, reversed } from './datatypes.ts';
import { header } from './header.ts';
import { noteSegments } from './notes.ts';
import { patientSegment } from './patient.ts';
import { list, member, since, string, type Source, type Writing } from './source.ts';
import { specimenSegments } from './specimen.ts';
import { timeText } from './times.ts';
import { visitSegment } from './visit.ts';
import { components, nested, repetitions, segment, text } from './writer.ts';

const states = new Map([...reversed(orderStates), ['deleted', 'CA']]);
const urgencies = reversed(priorities);

/** Table 0119: a new order, or what became of one. */
const controls: Readonly<Record<string, string>> = {
  active: 'XO',
  'on-hold': 'HD',
  revoked: 'CA',
  completed: 'SC',
  'entered-in-error': 'CA',
  deleted: 'CA',
  draft: 'NW',
  unknown: 'SC',
};

export interface Numbers {
  /** EI. */
  readonly placer: string;
  readonly filler: string;
}

/** The numbers of an order; where it has none of the filler, our own id, so that an answer can name it. */
export function numbersOf(order: JsonObject | undefined, writing: Writing): Numbers {
  const identifiers = order?.['identifier'];
  const placer = identifierOfType(identifiers, 'PLAC');
  const filler = identifierOfType(identifiers, 'FILL');
  const [first] = list(identifiers);
  const own = order === undefined ? '' : components(text(string(order['id'])), text(writing.from.facility));
  return {
    placer: entityIdentifier(placer ?? (filler === first ? undefined : first), writing),
    filler: filler === undefined ? own : entityIdentifier(filler, writing),
  };
}

/** Of an order that we place: our id is the placer's number where it has none. */
function placedNumbers(order: JsonObject, writing: Writing): Numbers {
  const { placer, filler } = numbersOf(order, writing);
  const isNamed = identifierOfType(order['identifier'], 'FILL') !== undefined;
  return { placer: placer === '' ? filler : placer, filler: isNamed ? filler : '' };
}

export interface OrderControl extends Numbers {
  /** ORC-1. */
  readonly control: string;
}

export function commonOrder(
  order: JsonObject | undefined,
  { control, placer, filler }: OrderControl,
  { source, writing }: { readonly source: Source; readonly writing: Writing },
): string {
  return segment('ORC', {
    1: control,
    2: placer,
    3: filler,
    4: entityIdentifier(member(order, 'requisition'), writing),
    5: states.get(string(order?.['status'])) ?? '',
    7: order === undefined ? '' : timing(order, writing),
    8: parentNumbers(order, { source, writing }),
    9: timeText(order?.['authoredOn'], writing.zone),
    12: person(member(order, 'requester'), source, writing),
  });
}

/** EIP of the order that it is for. */
function parentNumbers(order: JsonObject | undefined, { source, writing }: Made): string {
  const [parent] = list(order?.['basedOn']);
  if (parent === undefined) return '';
  const found = source.find(parent);
  if (found?.['resourceType'] !== 'ServiceRequest') {
    return components(nested(entityIdentifier(member(parent, 'identifier'), writing)));
  }
  const { placer, filler } = numbersOf(found, writing);
  return components(nested(placer), nested(filler));
}

/** TQ in its first repetition: when, and how urgent (kept for backward compatibility since 2.5; many read nothing else). */
export function timing(order: JsonObject, { zone }: Writing): string {
  const when = order['occurrenceDateTime'] ?? member(order, 'occurrencePeriod', 'start');
  return components('', '', '', timeText(when, zone), '', urgencies.get(string(order['priority'])) ?? '');
}

export function orderedTest(order: JsonObject, { placer, filler }: Numbers, made: Made): string {
  const { source, writing } = made;
  return segment('OBR', {
    1: '1',
    2: placer,
    3: filler,
    4: concept(order['code'], writing),
    16: person(member(order, 'requester'), source, writing),
    27: since(writing.version, '2.7') ? '' : timing(order, writing),
    31: repetitions(list(order['reasonCode']).map((one) => concept(one, writing))),
  });
}

export interface Made {
  readonly source: Source;
  readonly writing: Writing;
}

/** OML^O33 has the specimen before its orders, OML^O21 after the order. */
export function orderMessage(type: string, source: Source, writing: Writing): string[] {
  const { root: order, find, created } = source;
  const made = { source, writing };
  const status = string(order['status']);
  const control = created && status === 'active' ? 'NW' : (controls[status] ?? 'SC');
  const numbers = placedNumbers(order, writing);
  const specimens = list(order['specimen']).flatMap((one, i) =>
    specimenSegments(find(one), { number: i + 1, writing }),
  );
  const ordered = [
    commonOrder(order, { ...numbers, control }, made),
    orderedTest(order, numbers, made),
    ...noteSegments(order['note']),
  ];
  return [
    header(type, writing),
    patientSegment(find(member(order, 'subject')), writing),
    visitSegment(find(member(order, 'encounter')), source, writing),
    ...(type === 'OML^O33' ? [...specimens, ...ordered] : [...ordered, ...specimens]),
  ];
}
