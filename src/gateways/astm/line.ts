/**
 * The link layer (src/astm/link.ts) on whatever carries bytes both ways: a socket, TLS, a serial line.
 *
 * 1. The last frame of a message is acknowledged when `store` is done, and refused when it fails: it comes again.
 * 2. While a message is stored nothing is read: what the peer sends meanwhile stays with it.
 * 3. A peer that does not read its answers is cut off.
 */
import type { Duplex } from 'node:stream';
import type { Action } from '../../astm/action.ts';
import { astmLink } from '../../astm/link.ts';
import type { Room } from '../../astm/room.ts';
import type { LinkSettings } from '../../astm/settings.ts';

/** Bytes that wait to be read by the peer, besides a frame of ours. */
const mostUnread = 256 * 1024;

export type Sent =
  | { readonly delivered: true }
  /** To be offered again, not before `again` (milliseconds since 1970). */
  | { readonly delivered: false; readonly reason: string; readonly again: number };

export interface LineOptions {
  readonly settings: LinkSettings;
  /** For the messages of all lines. */
  readonly room?: Room | undefined;
  /** Keeps the message of record. */
  readonly store: (content: Buffer) => Promise<void>;
  /** What was refused, dropped or was noise. */
  readonly told: (what: Extract<Action, { kind: 'refused' | 'dropped' | 'noise' }>) => void;
}

export interface Line {
  /** One message at a time. @param records each with its CR */
  send(records: readonly Uint8Array[]): Promise<Sent>;
  /** When the line was closed, and what was taken is stored. */
  readonly ended: Promise<void>;
}

/** Milliseconds after which a busy line is asked again where it names no time. */
const busyFor = 1_000;

export function astmLine(stream: Duplex, { settings, room, store, told }: LineOptions): Line {
  const link = astmLink(settings, room);
  let timer: NodeJS.Timeout | undefined;
  let sending: ((sent: Sent) => void) | undefined;
  let storing = Promise.resolve();

  const finish = (sent: Sent): void => {
    sending?.(sent);
    sending = undefined;
  };
  const keep = async (content: Buffer): Promise<void> => {
    stream.pause();
    const ok = await store(content).then(
      () => true,
      () => false,
    );
    act(link.stored(ok, Date.now()));
    if (link.state !== 'storing') stream.resume();
  };
  const one = (action: Action): void => {
    if (action.kind === 'send') write(action.bytes);
    else if (action.kind === 'message') storing = keep(action.content);
    else if (action.kind === 'delivered') finish({ delivered: true });
    else if (action.kind === 'undelivered') finish({ delivered: false, reason: action.reason, again: action.again });
    else told(action);
  };
  const write = (bytes: Buffer): void => {
    if (stream.destroyed || !stream.writable) return;
    stream.write(bytes);
    if (stream.writableLength > mostUnread + settings.frameOut) stream.destroy();
  };
  const act = (actions: readonly Action[]): void => {
    for (const action of actions) one(action);
    clearTimeout(timer);
    if (link.due === undefined || stream.destroyed) return;
    timer = setTimeout(() => act(link.tick(Date.now())), Math.max(0, link.due - Date.now()));
  };
  /** Of what was read before the end each message is stored, one after another. */
  const settled = async (): Promise<void> => {
    for (let last: Promise<void> | undefined; last !== storing;) await (last = storing);
  };
  const ended = new Promise<void>((done) => {
    stream.once('close', () => {
      clearTimeout(timer);
      finish({ delivered: false, reason: 'The connection ended.', again: Date.now() });
      done(settled().finally(() => link.end()));
    });
  });
  stream.on('data', (chunk: Buffer) => act(link.take(chunk, Date.now())));
  stream.on('error', () => undefined);

  return {
    ended,
    send: (records) => {
      const busy = (): Sent => ({
        delivered: false,
        reason: 'The line is busy.',
        again: link.due ?? Date.now() + busyFor,
      });
      if (sending !== undefined || stream.destroyed) return Promise.resolve(busy());
      const actions = link.offer(records, Date.now());
      if (actions === undefined) return Promise.resolve(busy());
      return new Promise((done) => {
        sending = done;
        act(actions);
      });
    },
  };
}
