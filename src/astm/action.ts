/** What a link asks of whoever drives it. */
export type Action =
  | { readonly kind: 'send'; readonly bytes: Buffer }
  /** To be stored; `stored` says whether it was. `acknowledged`: the sender does not wait for it (there was no L). */
  | { readonly kind: 'message'; readonly content: Buffer; readonly acknowledged: boolean }
  | { readonly kind: 'delivered' }
  /** The message is to be offered again, not before `again`. */
  | { readonly kind: 'undelivered'; readonly reason: string; readonly again: number }
  /** Why a frame was answered with NAK. */
  | { readonly kind: 'refused'; readonly rule: string; readonly number?: number; readonly byte?: number }
  /** Bytes of a message that will not be completed. */
  | { readonly kind: 'dropped'; readonly bytes: number; readonly reason: string }
  | { readonly kind: 'noise'; readonly bytes: number };

export type Emit = (action: Action) => void;
