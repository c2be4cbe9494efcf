/**
 * ORM, OML, OMG: orders. HL7 v2.5.1 §4.4. What follows belongs to what stands before it, as in results.ts: an OBX after an
 * order was asked at order entry and is its supporting information, one before any order is of the patient or the specimen.
 */
import type { JsonObject } from '../fhir/json.ts';
import { readHeader } from '../hl7v2/header.ts';
import { readSegments, type FieldReader, type Message } from '../hl7v2/message.ts';
import { present } from './datatypes.ts';
import { observation, type ObservationOf } from './observation.ts';
import { order, orderNumbers } from './order.ts';
import { patient } from './patient.ts';
import { addNotes, isDocument, translateLoose, type Result, type Tube } from './results.ts';
import { specimen } from './specimen.ts';
import type { Target } from './translation.ts';
import { visit } from './visit.ts';

interface Asked {
  readonly orc: FieldReader | undefined;
  readonly obr: FieldReader;
  readonly specimens: Tube[];
  /** Asked at order entry. */
  readonly answers: Result[];
  readonly notes: string[];
}

export function orders(message: Message, target: Target): void {
  const { facility, application } = readHeader(message);
  const authority = facility || application;
  const segments = readSegments(message);
  const pid = segments.find(({ name }) => name === 'PID');
  if (pid === undefined) {
    target.problem({
      code: '100',
      sentence: 'A message of orders must have a PID.',
      place: { segment: 'PID', sequence: 1 },
    });
    return;
  }
  const subject = patient(target, pid, authority);
  if (subject === undefined) return;
  const pv1 = segments.find(({ name }) => name === 'PV1');
  const encounter = pv1 && visit(target, pv1, { subject, event: '', authority, pid });
  const { asked, loose } = gather(segments);
  const seen = new Map<string, number>();
  translateLoose(target, { person: { pid, loose }, subject, encounter, authority, seen, asked: true });
  if (asked.length === 0) {
    target.problem({
      code: '100',
      sentence: 'A message of orders must have an OBR.',
      place: { segment: 'OBR', sequence: 1 },
    });
  }
  for (const { orc, obr, specimens, notes, answers } of asked) {
    const tubes = present(specimens.map(({ spm, sac }) => specimen(target, spm, { subject, authority, sac })));
    const made = order(
      target,
      { orc, obr },
      { subject, encounter, specimen: tubes, authority, notes: annotations(notes) },
    );
    if (made === undefined) {
      target.problem({
        code: '101',
        sentence: 'ORC-2, ORC-3, OBR-2 or OBR-3 must have the number of the order.',
        place: { segment: 'OBR', sequence: Number(obr.text(1)) || 1, field: 2 },
      });
      continue;
    }
    const { placer, filler } = orderNumbers(target, { orc, obr, authority });
    const number = filler ?? placer;
    const source = `order|${String(number?.['system'])}|${String(number?.['value'])}`;
    const of = { subject, encounter, specimen: tubes[0], basedOn: undefined, authority, obr, source, seen };
    support(target, made, told(target, answers, of));
  }
}

function told(target: Target, answers: readonly Result[], of: Omit<ObservationOf, 'sequence' | 'asked'>): JsonObject[] {
  return present(
    answers.map(({ obx, sequence, notes }) => {
      if (isDocument(obx)) {
        target.problem({
          code: '102',
          sentence: 'A document (OBX-2 ED or RP) cannot be told with an order.',
          place: { segment: 'OBX', sequence, field: 2 },
        });
        return undefined;
      }
      const reference = observation(target, obx, { ...of, sequence, asked: true });
      if (reference !== undefined) addNotes(target, reference, notes);
      return reference;
    }),
  );
}

function support(target: Target, made: JsonObject, answers: readonly JsonObject[]): void {
  const resource = target.resource(made);
  if (resource === undefined || answers.length === 0) return;
  resource['supportingInfo'] = [...((resource['supportingInfo'] as JsonObject[] | undefined) ?? []), ...answers];
}

function annotations(notes: readonly string[]): JsonObject[] {
  const text = notes.filter((one) => one !== '').join('\n');
  return text === '' ? [] : [{ text }];
}

interface Gathered {
  readonly asked: Asked[];
  readonly loose: (Result & { readonly tube: Tube | undefined })[];
}

/** OML^O33 has the specimen before its orders, the others after them. */
function gather(segments: readonly FieldReader[]): Gathered {
  const { asked, loose }: Gathered = { asked: [], loose: [] };
  const before: Tube[] = [];
  let [orc, last]: [FieldReader | undefined, Asked | undefined] = [undefined, undefined];
  let notes: string[] | undefined;
  let sequence = 0;
  for (const segment of segments) {
    if (segment.name === 'ORC') {
      orc = segment;
      last = undefined;
      notes = undefined;
    } else if (segment.name === 'OBR') {
      last = { orc, obr: segment, specimens: [...before], answers: [], notes: [] };
      notes = last.notes;
      asked.push(last);
    } else if (segment.name === 'SPM') {
      if (last === undefined || before.length > 0) {
        if (last !== undefined) before.length = 0;
        last = undefined;
        before.push({ spm: segment });
      } else {
        last.specimens.push({ spm: segment });
      }
    } else if (segment.name === 'SAC') {
      const tube = (last?.specimens ?? before).at(-1);
      if (tube !== undefined) tube.sac = segment;
    } else if (segment.name === 'OBX') {
      const result: Result = { obx: segment, sequence: ++sequence, notes: [] };
      if (last === undefined) loose.push({ ...result, tube: before.at(-1) });
      else last.answers.push(result);
      notes = result.notes;
    } else if (segment.name === 'NTE') {
      notes?.push(...segment.repetitions(3).map((one) => one.text()));
    }
  }
  return { asked, loose };
}
