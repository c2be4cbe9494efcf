/**
 * The answer of the application. MFN → MFK (master-file-answer.ts). OML → ORL: what became of each order, instead of an acknowledgement of the whole, for interfaces that are set to be told
 * so (`orderAnswers`). HL7 v2.5.1 §4.4.7 (ORL^O22), §4.4.9 (O34), §4.4.11 (O36).
 *
 * PID, SPM, SAC and OBR come back as they came; ORC has the number of the order and, in ORC-1 (table 0119), whether what
 * was asked was done. One message is applied whole or not at all, so all of its orders are answered alike.
 */
import { fieldsOf, type Message, type Segment } from '../../hl7v2/message.ts';
import { ack, now, type Said } from './answer.ts';
import type { Known } from './applied.ts';
import { masterFileAnswer, masterFileSegments } from './master-file-answer.ts';

const answers: Readonly<Record<string, readonly string[]>> = {
  O21: ['ORL', 'O22', 'ORL_O22'],
  O33: ['ORL', 'O34', 'ORL_O34'],
  O35: ['ORL', 'O36', 'ORL_O36'],
};

/** ORC-1 of what was asked → that it was done, that it could not be. */
const controls: Readonly<Record<string, readonly [done: string, unable: string]>> = {
  CA: ['CR', 'UC'],
  DC: ['DR', 'UD'],
  HD: ['HR', 'UH'],
  RL: ['OR', 'UR'],
  RP: ['RQ', 'UM'],
  XO: ['XR', 'UX'],
};
const order = ['OK', 'UA'] as const;

const echoed: ReadonlySet<string> = new Set(['PID', 'SPM', 'SAC', 'OBR']);

export function answerTo(known: Known, said: Said): Buffer {
  const { header, message } = known;
  // What is no master file that is taken has no entries to answer.
  if (header.code === 'MFN' && said.code !== 'AR') {
    const segments = masterFileSegments(message, { done: said.code === 'AA', time: now() });
    if (segments !== undefined) return ack(known, { ...said, type: masterFileAnswer(header.event), segments });
  }
  const type = header.code === 'OML' ? answers[header.event] : undefined;
  if (type === undefined || known.interface.orderAnswers !== true) return ack(known, said);
  return ack(known, { ...said, type, segments: segmentsOf(message, said.code === 'AA') });
}

function segmentsOf({ segments, delimiters }: Message, done: boolean): string[] {
  return segments.flatMap((segment) => {
    if (echoed.has(segment.name)) return [segment.text];
    return segment.name === 'ORC' ? [answered(segment, delimiters, done)] : [];
  });
}

function answered(orc: Segment, delimiters: Message['delimiters'], done: boolean): string {
  const [, asked = '', placer = '', filler = ''] = fieldsOf(delimiters, orc);
  const [yes, no] = controls[asked] ?? order;
  return ['ORC', done ? yes : no, placer, filler].join(delimiters.field);
}
