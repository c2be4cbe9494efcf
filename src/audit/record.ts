/** An event as it is stored: what the server knows of it, without the words of FHIR that all events of a kind share. */
import type { JsonObject } from '../fhir/json.ts';
import type { KindName } from './kinds.ts';

/** 0 success, 4 minor, 8 serious, 12 major failure (http://hl7.org/fhir/audit-event-outcome). */
export type Outcome = 0 | 4 | 8 | 12;

/** Who did it. Events share agents: the store keeps each once. */
export interface Agent {
  /** The account's or machine's own name in this laboratory; '' for nobody who is known. */
  readonly subject: string;
  /** The application; '' where none was named. */
  readonly client: string;
  readonly roles: readonly string[];
  /** Reference to the person. */
  readonly fhirUser?: string;
  /** Name for people. */
  readonly name?: string;
}

export interface Touched {
  readonly type: string;
  readonly id: string;
  readonly version?: number;
}

/** What another system said. */
export interface Sent {
  /** The AuditEvent as it was sent: JSON, its numbers digit by digit. */
  readonly text: string;
  /** The application that brought it. */
  readonly client: string;
}

export interface AuditRecord {
  /** UUIDv7: the id of the AuditEvent. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly kind: KindName;
  readonly outcome: Outcome;
  /** Why it failed or was refused; names no patient. */
  readonly reason?: string;
  /** The operation with its `$`, a command of the operator; of what was refused, the interaction or operation. */
  readonly deed?: string;
  readonly agent: Agent;
  /** The network address of the client. */
  readonly address: string;
  /** Codes of v3-ActReason. */
  readonly purposes: readonly string[];
  readonly requestId: string;
  /** The raw request of a search, as it came. */
  readonly query?: string;
  /** The resources that were shown or written, with their exact versions. */
  readonly touched: readonly Touched[];
  /** The patients that they are about. */
  readonly patients: readonly string[];
  /** Further entities, as FHIR writes them. */
  readonly further?: readonly JsonObject[];
  /** Of the kind `external` only: what is shown in the place of all the rest. */
  readonly sent?: Sent;
}
