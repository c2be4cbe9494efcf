/** The bytes of one transmission as messages, by the driver of the interface; and what they name. */
import { recordsOf, type Driver } from '../../astm/driver.ts';
import { componentsAt, readRecords, textAt } from '../../astm/record.ts';
import { messagesOf, type AstmMessage } from '../../astm/structure.ts';
import type { Problem } from '../../hl7v2/acknowledge.ts';

export interface Reading {
  readonly messages: readonly AstmMessage[];
  /** As iconv-lite names it. */
  readonly charset: string;
  /** All of it, for people. */
  readonly text: string;
  /** Why it could not be read. */
  readonly problem: Problem | undefined;
}

export function readTransmission(driver: Driver, content: Buffer, charset: string | undefined): Reading {
  try {
    const read = recordsOf(driver, content, charset);
    const sentence = read.problem ?? (read.records.length === 0 ? 'It holds no record.' : undefined);
    return {
      messages: messagesOf(read.records),
      charset: read.charset,
      text: read.lines.join(''),
      problem: sentence === undefined ? undefined : { code: '100', sentence },
    };
  } catch {
    // A fault of ours: it is kept as it came, waits, and holds up nothing.
    const problem: Problem = { code: '207', sentence: 'It cannot be read by the driver of its interface.' };
    return { messages: [], charset: 'iso-8859-1', text: content.toString('latin1'), problem };
  }
}

/** H.5 */
export function senderOf({ messages }: Reading): string {
  const header = messages.find((message) => message.header !== undefined)?.header;
  return header === undefined ? '' : componentsAt(header.record, 5).join('^');
}

/** H.3 */
export function numberOf({ messages }: Reading): string {
  const header = messages.find((message) => message.header !== undefined)?.header;
  return header === undefined ? '' : textAt(header.record, 3);
}

/** `Q` for a question, `R` for results, `O` for orders without any. */
export function typeOf({ messages }: Reading): 'Q' | 'R' | 'O' | '' {
  if (messages.some(({ queries }) => queries.length > 0)) return 'Q';
  const orders = messages.flatMap(({ patients }) => patients).flatMap((patient) => patient.orders);
  if (orders.some(({ results }) => results.length > 0)) return 'R';
  return orders.length > 0 ? 'O' : '';
}

/** All that it says, for people. */
export function textOf(content: Buffer, charset: string): string {
  return readRecords(content, charset).lines.join('');
}
