/** What MSH says, as far as a gateway needs it. HL7 v2.5.1 §2.15.9. */
import { readSegment, type Message } from './message.ts';

export interface Header {
  /** MSH-3 and MSH-4: application and facility that sent it; namespaces. */
  readonly application: string;
  readonly facility: string;
  /** MSH-5 and MSH-6: to whom. */
  readonly toApplication: string;
  readonly toFacility: string;
  /** MSH-7 as it came. */
  readonly time: string;
  /** MSH-9: `ORU`, `R01`, `ORU_R01`. */
  readonly code: string;
  readonly event: string;
  readonly structure: string;
  /** MSH-10. */
  readonly controlId: string;
  /** MSH-11.1: P, T or D. */
  readonly processing: string;
  /** MSH-12.1. */
  readonly version: string;
  /** MSH-15 and MSH-16, table 0155: AL, NE, ER, SU; '' where not said. */
  readonly acceptAck: string;
  readonly applicationAck: string;
}

/** The first MSH; all fields empty where there is none. */
export function readHeader(message: Message): Header {
  const msh = readSegment(
    message,
    message.segments.findIndex(({ name }) => name === 'MSH'),
  );
  const [code, event, structure] = [msh.text(9), msh.text(9, 2), msh.text(9, 3)];
  return {
    application: msh.text(3),
    facility: msh.text(4),
    toApplication: msh.text(5),
    toFacility: msh.text(6),
    time: msh.text(7),
    code,
    // Versions before 2.3 and careless senders write ORU_R01 or leave the event to the structure.
    event: event || (/^[A-Z]{3}_([A-Z]\d{2})$/.exec(structure)?.[1] ?? ''),
    structure,
    controlId: msh.text(10),
    processing: msh.text(11),
    version: msh.text(12),
    acceptAck: msh.text(15),
    applicationAck: msh.text(16),
  };
}

/** Original mode where neither MSH-15 nor MSH-16 says anything. §2.9.2 */
export function isEnhanced({ acceptAck, applicationAck }: Header): boolean {
  return acceptAck !== '' || applicationAck !== '';
}

/** Whether a condition of table 0155 asks for an acknowledgement. */
export function isWanted(condition: string, succeeded: boolean): boolean {
  if (condition === 'NE') return false;
  if (condition === 'ER') return !succeeded;
  return condition === 'SU' ? succeeded : true;
}

/** `ORU^R01` */
export function typeOf({ code, event }: Pick<Header, 'code' | 'event'>): string {
  return `${code}^${event}`;
}
