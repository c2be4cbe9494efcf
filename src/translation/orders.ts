/** ORM, OML, OMG: orders. HL7 v2.5.1 §4.4. What follows belongs to what stands before it, as in results.ts. */
import type { JsonObject } from '../fhir/json.ts';
import { readHeader } from '../hl7v2/header.ts';
import { readSegments, type FieldReader, type Message } from '../hl7v2/message.ts';
import { present } from './datatypes.ts';
import { order } from './order.ts';
import { patient } from './patient.ts';
import { specimen } from './specimen.ts';
import type { Target } from './translation.ts';
import { visit } from './visit.ts';

interface Asked {
  readonly orc: FieldReader | undefined;
  readonly obr: FieldReader;
  readonly specimens: { readonly spm: FieldReader; sac?: FieldReader }[];
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
  const encounter = pv1 && visit(target, pv1, { subject, event: '', authority });
  const asked = gather(segments);
  if (asked.length === 0) {
    target.problem({
      code: '100',
      sentence: 'A message of orders must have an OBR.',
      place: { segment: 'OBR', sequence: 1 },
    });
  }
  for (const { orc, obr, specimens, notes } of asked) {
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
    }
  }
}

function annotations(notes: readonly string[]): JsonObject[] {
  const text = notes.filter((one) => one !== '').join('\n');
  return text === '' ? [] : [{ text }];
}

/** OML^O33 has the specimen before its orders, the others after them. */
function gather(segments: readonly FieldReader[]): Asked[] {
  const asked: Asked[] = [];
  const before: Asked['specimens'] = [];
  let [orc, last]: [FieldReader | undefined, Asked | undefined] = [undefined, undefined];
  for (const segment of segments) {
    if (segment.name === 'ORC') {
      orc = segment;
      last = undefined;
    } else if (segment.name === 'OBR') {
      last = { orc, obr: segment, specimens: [...before], notes: [] };
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
    } else if (segment.name === 'NTE') {
      last?.notes.push(...segment.repetitions(3).map((one) => one.text()));
    }
  }
  return asked;
}
