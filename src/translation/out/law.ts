/**
 * LAB-28, OML^O33 to an analyzer: the work of one specimen. IHE PaLM TF-2b 3.28.
 *
 *   NW | new work: SPM, SAC, and for each step ORC, TQ1, OBR, TCD
 *   CA | the same steps are cancelled
 *   DC | there is no work for a specimen that the analyzer asked for: MSH, SPM, SAC, ORC only
 *
 * The number of a step (ORC-2, OBR-2: what LAW calls the AWOS id) is the id of the ServiceRequest.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { priorities } from '../codes.ts';
import { concept, entityIdentifier, reversed } from './datatypes.ts';
import { patientSegment } from './patient.ts';
import { list, member, string, type Writing } from './source.ts';
import { timeText } from './times.ts';
import { components, nested, segment, text } from './writer.ts';

export interface WorkStep {
  readonly order: JsonObject;
  /** What the analyzer calls the test. */
  readonly code: JsonObject;
}

export interface Work {
  readonly control: 'NW' | 'CA' | 'DC';
  readonly patient?: JsonObject | undefined;
  readonly specimen?: JsonObject | undefined;
  /** As the analyzer named it, where it asked: the number of the label, rack and position, tray and position. */
  readonly asked?: readonly [label: string, carrier: string, position: string, tray: string, place: string];
  readonly steps: readonly WorkStep[];
}

const urgencies = reversed(priorities);

export function workMessage(work: Work, writing: Writing): string {
  const { control, patient, steps } = work;
  const isNamed = control !== 'DC' && list(patient?.['identifier']).length > 0;
  const time = timeText(writing.now, writing.zone);
  const segments = [
    head(writing, time),
    ...(isNamed ? [patientSegment(patient, writing)] : []),
    ...container(work, writing),
    ...(control === 'DC' ? [segment('ORC', { 1: 'DC', 9: time })] : []),
    ...steps.flatMap((step) => stepSegments(step, { control, time, writing })),
  ];
  return segments.map((one) => `${one}\r`).join('');
}

function head({ from, to, controlId, version, charset }: Writing, time: string): string {
  return segment('MSH', {
    ...{ 2: '^~\\&', 3: text(from.application), 4: text(from.facility), 5: text(to.application), 6: text(to.facility) },
    ...{ 7: time, 9: 'OML^O33^OML_O33', 10: text(controlId), 11: 'P', 12: version, 15: 'NE', 16: 'AL', 18: charset },
    21: 'LAB-28^IHE',
  });
}

/** The label: the accession number, else the container's, else any. */
function labelOf(specimen: JsonObject | undefined): JsonObject | undefined {
  const contained = list(specimen?.['container']).flatMap((one) => list(one['identifier']));
  return (
    member(specimen, 'accessionIdentifier') ??
    contained.find(({ system }) => system !== 'urn:makhbar:carrier-position') ??
    list(specimen?.['identifier'])[0]
  );
}

function container({ specimen, asked = ['', '', '', '', ''] }: Work, writing: Writing): string[] {
  const [label, ...places] = asked;
  const own = entityIdentifier(labelOf(specimen), writing);
  const named = label === '' ? own : text(label);
  const [carrier, position, tray, place] = places.map((one) => text(one));
  return [
    segment('SPM', {
      ...{ 1: '1', 2: components(nested(own === '' ? named : own)), 4: concept(specimen?.['type'], writing) },
      ...{ 11: 'P^Patient^HL70369', 17: timeText(member(specimen, 'collection', 'collectedDateTime'), writing.zone) },
      18: timeText(specimen?.['receivedTime'], writing.zone),
    }),
    segment('SAC', { 3: named, 10: carrier, 11: position, 13: tray, 14: place }),
  ];
}

interface StepOf {
  readonly control: string;
  readonly time: string;
  readonly writing: Writing;
}

function stepSegments({ order, code }: WorkStep, { control, time, writing }: StepOf): string[] {
  const number = text(string(order['id']));
  const test = concept(code, writing);
  const urgency = urgencies.get(string(order['priority'])) ?? 'R';
  return [
    segment('ORC', { 1: control, 2: number, 4: entityIdentifier(member(order, 'requisition'), writing), 9: time }),
    ...(control === 'NW' ? [segment('TQ1', { 9: `${urgency}^^HL70485` })] : []),
    segment('OBR', { 2: number, 4: test }),
    ...(control === 'NW' ? [segment('TCD', { 1: test })] : []),
  ];
}
