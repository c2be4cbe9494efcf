/** A request whose path has been understood. */
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

export type Handler = (context: Context, call: Call) => Promise<Answer>;
