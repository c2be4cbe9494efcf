/** A request whose path has been understood. */
import type { Interaction } from '../access/needs.ts';
import type { Answer, Context, Request } from '../request.ts';

/** What the path names; a part that it does not name is ''. */
export interface Target {
  readonly type: string;
  readonly id: string;
  readonly version: string;
  /** Name of the operation with its `$`. */
  readonly operation: string;
  /** The second type of a compartment search, or `*`. */
  readonly member: string;
}

export interface Call extends Request {
  readonly target: Target;
}

/** The way into the server for handlers that process requests of their own: the entries of a Bundle. */
export interface Door {
  /** What a request asks for, if the caller may. @throws OutcomeError where it is unknown or not allowed. */
  admit(context: Context, request: Request): { interaction: Interaction; call: Call };
  serve(context: Context, request: Request): Promise<Answer>;
  /** Stores the event of a request that did not come so far, because of this error. */
  refused(context: Context, request: Request, error: unknown): Promise<void>;
}

export type Handler = (context: Context, call: Call) => Promise<Answer>;
