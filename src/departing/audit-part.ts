/**
 * The audit log of a package: the events in the order of their seals, as the text that the seals are over, and the seals.
 *
 * A line of `audit/events.ndjson` is the canonical AuditEvent; where a rule of retention took an event away its line is
 * `{"removed":"hash"}`, so that whoever has the file alone can work out the root of every seal (verify.mjs).
 */
import { auditEventText } from '../audit/event.ts';
import { leafHash } from '../audit/merkle.ts';
import type { Context } from '../request.ts';
import { eventsInOrder, type Placed } from '../store/audit-read.ts';
import { leavesOf, sealsFrom } from '../store/audit-seals.ts';
import type { Piece } from './folder.ts';

export interface Sealed {
  /** The number of the last seal. */
  readonly lastSeal: number;
  /** Transactions before it have their events in the log. */
  readonly horizon: string;
}

const hashSize = 32;

export async function* eventPieces(context: Context, { lastSeal, horizon }: Sealed): AsyncGenerator<Piece> {
  const { session } = context;
  let open = '0';
  for await (const { number, low, high } of sealsUpTo(context, lastSeal)) {
    const leaves = (await leavesOf(session, number, number)).get(number) ?? Buffer.alloc(0);
    yield* sealedLines(context, leaves, eventsInOrder(session, low, high));
    open = high;
  }
  for await (const event of eventsInOrder(session, open, horizon)) yield lineOf(textOf(context, event));
}

/** A line for each leaf: its event, or that it went. */
async function* sealedLines(context: Context, leaves: Buffer, events: AsyncGenerator<Placed>): AsyncGenerator<Piece> {
  let next = await events.next();
  for (let at = 0; at < leaves.length; at += hashSize) {
    const leaf = leaves.subarray(at, at + hashSize);
    const text = next.done === true ? undefined : textOf(context, next.value);
    if (text !== undefined && leafHash(text).equals(leaf)) {
      yield lineOf(text);
      next = await events.next();
    } else {
      yield lineOf(JSON.stringify({ removed: leaf.toString('hex') }));
    }
  }
}

function textOf({ tenant }: Context, { record }: Placed): string {
  return auditEventText(record, { observer: tenant.name });
}

function lineOf(text: string): Piece {
  return { bytes: Buffer.from(`${text}\n`), count: 1 };
}

export async function* sealPieces(context: Context, { lastSeal }: Sealed): AsyncGenerator<Piece> {
  for await (const { number, content, keyId, signature } of sealsUpTo(context, lastSeal)) {
    yield lineOf(JSON.stringify({ number, content, keyId, signature: signature.toString('base64') }));
  }
}

async function* sealsUpTo({ session }: Context, last: number) {
  for await (const seal of sealsFrom(session, 1)) {
    if (seal.number > last) return;
    yield seal;
  }
}
