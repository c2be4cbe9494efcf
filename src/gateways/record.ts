/** What the record of a message has in common, whatever the protocol: the event that says that it came, and its texts. */
import { thing, type SecurityEvent } from '../audit/security.ts';
import type { Where } from './task.ts';

/** PostgreSQL's text has no NUL. */
export function short(text: string): string {
  return text.slice(0, 200).replaceAll('\0', '');
}

/** @param deed `hl7v2 ORU^R01` */
export function receivedEvent(
  { interface: own, peer }: Pick<Where, 'interface' | 'peer'>,
  { id, deed }: { readonly id: string; readonly deed: string },
): SecurityEvent {
  const name = `Endpoint/${own.id}`;
  return {
    kind: 'message-received',
    deed: deed.slice(0, 80),
    agent: { subject: name, client: name, roles: ['interface'] },
    address: peer,
    requestId: id,
    further: [thing('message', id)],
  };
}
