/** MSH, and EVN of an ADT. HL7 v2.5.1 §2.15.9, §3.4.1. */
import { since, type Writing } from './source.ts';
import { timeText } from './times.ts';
import { components, segment, text } from './writer.ts';

/** The structure of a message (MSH-9.3), where it is not named as the message itself. */
const structures: Readonly<Record<string, string>> = {
  'ADT^A04': 'ADT_A01',
  'ADT^A08': 'ADT_A01',
  'ADT^A11': 'ADT_A09',
  'ADT^A23': 'ADT_A21',
  'ADT^A28': 'ADT_A05',
  'ADT^A29': 'ADT_A21',
  'ADT^A31': 'ADT_A05',
};

/** Table 0155: what is asked for. */
const asked = { original: ['', ''], commit: ['AL', 'NE'], enhanced: ['AL', 'AL'] } as const;

export function header(type: string, writing: Writing): string {
  const { from, to, version, acknowledgement, charset, controlId, now, zone } = writing;
  const [code = '', event = ''] = type.split('^');
  const [accept, application] = asked[acknowledgement];
  return segment('MSH', {
    2: '^~\\&',
    3: text(from.application),
    4: text(from.facility),
    5: text(to.application),
    6: text(to.facility),
    7: timeText(now, zone),
    9: components(code, event, structures[type] ?? `${code}_${event}`),
    10: text(controlId),
    11: 'P',
    12: version,
    15: accept,
    16: application,
    18: since(version, '2.3.1') ? charset : '',
  });
}

export function eventSegment(type: string, { now, zone }: Writing): string {
  return segment('EVN', { 1: type.split('^')[1], 2: timeText(now, zone) });
}
