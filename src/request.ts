/**
 * The plain data that passes through the server: who asks, what is asked, what is answered. No HTTP library here:
 * a REST call, an entry of a Bundle, a gateway's message and a job look the same from here on.
 */
import type { KeyObject } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Caller } from './access/caller.ts';
import type { Config } from './config.ts';
import type { SealingApart } from './files/sealing-apart.ts';
import type { FileStore } from './files/store.ts';
import type { JsonObject } from './fhir/json.ts';
import type { Event } from './interactions/audited.ts';
import type { Door } from './interactions/call.ts';
import type { Trail } from './interactions/trail.ts';
import type { Tally } from './interactions/storage.ts';
import type { Log } from './log.ts';
import type { Drawing } from './reports/pdf/apart.ts';
import type { Events } from './store/audit.ts';
import type { AgentNumber } from './store/audit-agents.ts';
import type { Combiner } from './store/combine.ts';
import type { Database, Session, Statement } from './store/pool.ts';
import type { Read, Stored } from './store/read.ts';
import type { Tenant } from './store/tenants.ts';
import type { WriteEntry, Written } from './store/write.ts';
import type { Meter } from './usage/meter.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

export type Parameters = readonly (readonly [name: string, value: string])[];

export interface Body {
  /** As sent, parameters included; '' where none was named. */
  readonly contentType: string;
  /** Parsed already: an entry of a Bundle. */
  readonly resource?: JsonObject;
  /** The whole body, decoded from its content encoding; @throws OutcomeError `too-long` past `limit` bytes. */
  read(limit: number): Promise<Buffer>;
  /** The body as it comes, decoded from its content encoding. */
  stream(): Readable;
}

export interface Request {
  readonly method: Method;
  /** The path below the FHIR base, decoded, without empty parts. */
  readonly segments: readonly string[];
  readonly query: Parameters;
  /** The query of the URL and the form as they came, as far as they were read. */
  readonly sent?: () => string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Body | undefined;
  /** Of an entry of a Bundle that has one. */
  readonly fullUrl?: string;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** FHIR instant of the version answered: the header Last-Modified has no milliseconds. */
  readonly lastUpdated?: string;
  /** A resource made here … */
  readonly resource?: JsonObject;
  /** … or the JSON text of one, passed through as stored … */
  readonly text?: string;
  /** … or raw bytes. */
  readonly raw?: { readonly contentType: string; readonly length?: number; readonly body: Readable | Buffer };
}

export type { Caller } from './access/caller.ts';

/** What one process holds for all requests. */
export interface Server {
  readonly config: Config;
  readonly database: Database;
  readonly log: Log;
  readonly files: FileStore;
  /** Encrypts large files in a thread of its own; absent, this one does it. */
  readonly sealing?: SealingApart['seal'];
  /** Draws reports in threads of its own. */
  readonly drawing: Drawing;
  readonly writes: Combiner<WriteEntry, Written | undefined>;
  /** Writes under ids that were just made. */
  readonly creations: Combiner<WriteEntry, Written | undefined>;
  readonly reads: Combiner<Read, Stored | undefined>;
  /** Statements for one resource that are planned once for each connection. */
  readonly ready: Combiner<Statement, readonly unknown[]>;
  /**
   * What the laboratory does when orders of its own were written with another status (operations/laboratory/orders-follow.ts).
   * Its steps write as everybody does: called directly, each would import the other.
   */
  readonly followOrders: (inside: Context, orders: readonly JsonObject[]) => Promise<void>;
  /** The audit log. */
  readonly events: Events;
  readonly agentNumber: AgentNumber;
  /** What laboratories use. */
  readonly usage: Meter;
  /** Key for the signatures of cursors; no Buffer, of which each signature would make a key anew (29 µs for 4). */
  readonly cursorKey: KeyObject;
}

/** What a handler may use besides the request. */
export interface Context {
  readonly server: Server;
  readonly tenant: Tenant;
  readonly caller: Caller;
  /** The FHIR base without a slash at its end, as the caller sees it. */
  readonly base: string;
  readonly requestId: string;
  /** The network address of the caller; '' where there is none. */
  readonly address: string;
  /** What this interaction shows and writes, for its AuditEvent. */
  readonly trail: Trail;
  /** Events that this transaction stores as its last deed; only inside one. */
  readonly events?: Event[];
  /** Reads (and writes) of this request; inside a transaction Bundle, its transaction. */
  readonly session: Session;
  /** What is looked for is to be updated or referred to: an interface finds what it may store (processing-restriction.ts). */
  readonly storing?: true;
  /** An operation on data-subject requests writes (request-check.ts). */
  readonly ofRequest?: true;
  /** True inside a transaction Bundle. */
  readonly inTransaction: boolean;
  /** What this transaction has written so far; only inside one. */
  readonly tally?: Tally;
  readonly door: Door;
}
