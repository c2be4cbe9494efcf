/**
 * The table of messages that are made: MSH-9 → what makes it of a version. src/hl7v2/outgoing.ts has the types of resources
 * that each is made of.
 */
import { admission } from './admissions.ts';
import { orderMessage } from './orders.ts';
import { reportMessage } from './results.ts';
import type { Source, Writing } from './source.ts';

/** Segments; undefined where the version gives no such message. */
type Make = (type: string, source: Source, writing: Writing) => string[] | undefined;

const makes: Readonly<Record<string, Make>> = {
  'ADT^A01': admission,
  'ADT^A03': admission,
  'ADT^A04': admission,
  'ADT^A08': admission,
  'ADT^A11': admission,
  'ADT^A23': admission,
  'ADT^A28': admission,
  'ADT^A29': admission,
  'ADT^A31': admission,
  'OML^O21': orderMessage,
  'OML^O33': orderMessage,
  'ORU^R01': reportMessage,
  'OUL^R22': reportMessage,
};

/**
 * The text of a message.
 * @throws OutcomeError where the version lacks what the message must have
 */
export function makeMessage(type: string, source: Source, writing: Writing): string | undefined {
  const segments = makes[type]?.(type, source, writing);
  return segments === undefined ? undefined : segments.map((one) => `${one}\r`).join('');
}
