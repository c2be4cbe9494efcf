/** What a message says, read from its bytes, and the acknowledgement as bytes in its character set. */
import { acknowledge, type AckCode, type Problem } from '../../hl7v2/acknowledge.ts';
import { encodeMessage, type Decoded } from '../../hl7v2/charset.ts';
import { NoMessage, parseMessage, sizeFault, type Message } from '../../hl7v2/message.ts';
import { newId } from '../../interactions/new-id.ts';

export function readMessage({ text }: Decoded): { message: Message } | { message: undefined; problem: Problem } {
  try {
    const message = parseMessage(text);
    const fault = sizeFault(message);
    return fault === undefined ? { message } : { message: undefined, problem: { code: '207', sentence: fault } };
  } catch (error) {
    if (!(error instanceof NoMessage)) throw error;
    return { message: undefined, problem: { code: '100', sentence: error.message } };
  }
}

export interface Said {
  readonly code: AckCode;
  readonly problems: readonly Problem[];
  /** Of the answer to a query: MSH-9, MSH-21, and what follows MSA and ERR. */
  readonly type?: readonly string[];
  readonly profile?: string;
  readonly segments?: readonly string[];
}

/** The message that is answered, and how its interface is to be answered. */
interface Answering {
  readonly message: Message;
  readonly charset: string;
  readonly interface?: { readonly quirks: readonly string[] };
}

export function ack(known: Answering | undefined, { code, problems, segments = [], ...more }: Said): Buffer {
  const acknowledgement = acknowledge(known?.message, {
    ...{ code, problems, ...more },
    controlId: newId().replaceAll('-', '').slice(0, 20),
    time: now(),
    plain: known?.interface?.quirks.includes('no-errors') === true,
  });
  const text = acknowledgement + segments.map((one) => `${one}\r`).join('');
  try {
    return encodeMessage(text, known?.charset ?? 'utf-8');
  } catch {
    return Buffer.from(text, 'utf8');
  }
}

/** YYYYMMDDHHMMSS in UTC. */
export function now(): string {
  return `${new Date().toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}+0000`;
}
