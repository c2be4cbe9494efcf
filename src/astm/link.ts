/**
 * The link layer of CLSI LIS01-A2 (ASTM E1381), both roles: a pure state machine with the clock handed in.
 *
 *   state      | what comes                        | what is done                                             | next
 *   neutral    | ENQ                               | ACK                                                      | receiving
 *   neutral    | a message is offered              | ENQ                                                      | asking
 *   receiving  | the next frame, right             | ACK; at the end of a message it is stored first          | receiving
 *   receiving  | the last frame again              | ACK, dropped                                             | receiving
 *   receiving  | a damaged frame, another number   | NAK                                                      | receiving
 *   receiving  | ENQ                               | what came since the last message is dropped; ACK         | receiving
 *   receiving  | EOT                               | whole records without an L are given up to be stored     | neutral
 *   receiving  | nothing for 30 s                  | what came since the last message is dropped              | neutral
 *   asking     | ACK                               | the first frame                                          | sending
 *   asking     | NAK                               | ENQ again after 10 s                                     | neutral
 *   asking     | ENQ: both want to send            | the instrument goes first: ENQ again after 20 s (1 s)    | neutral
 *   asking     | nothing for 15 s                  | EOT                                                      | neutral
 *   sending    | ACK                               | the next frame; EOT after the last                       | sending, neutral
 *   sending    | NAK or what is no answer          | the frame again, six times in all, then EOT              | sending, neutral
 *   sending    | EOT: the receiver interrupts      | EOT; the frame counts as taken                           | neutral
 *   sending    | nothing for 15 s                  | EOT                                                      | neutral
 *
 * 1. The last frame of a message is acknowledged after the message was stored, and never before: whoever drives the link
 *    calls `stored`. What comes meanwhile waits.
 * 2. A message that was not taken whole is offered again from its beginning: parts of it were dropped by the receiver.
 * 3. Nothing that comes makes the machine stay: each state but neutral has its time.
 */
import type { Action } from './action.ts';
import { control } from './frame.ts';
import { frameReader, type FrameReader, type Piece } from './reader.ts';
import { Receiver } from './receiver.ts';
import { boundless, type Room } from './room.ts';
import { Sender } from './sender.ts';
import type { LinkSettings } from './settings.ts';
import { textReader } from './text-reader.ts';

export interface Link {
  take(chunk: Buffer, now: number): Action[];
  /** To be called at `due`, and whenever else. */
  tick(now: number): Action[];
  /** The message that was handed out is stored, or could not be. */
  stored(ok: boolean, now: number): Action[];
  /** @returns undefined where the link is busy or must wait until `due` */
  offer(records: readonly Uint8Array[], now: number): Action[] | undefined;
  /** Nothing more comes: a message that is not complete gives its room back. */
  end(): void;
  /** When the clock matters next, in the time of `now`. */
  readonly due: number | undefined;
  readonly state: 'neutral' | 'receiving' | 'storing' | 'asking' | 'sending';
}

/** @param room what its message may take, with those of other lines */
export function astmLink(settings: LinkSettings, room: Room = boundless): Link {
  return new LinkMachine(settings, room);
}

class LinkMachine implements Link {
  readonly #settings: LinkSettings;
  readonly #reader: FrameReader;
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  #actions: Action[] = [];
  /** Bytes that came while a message is stored. */
  #waiting: Buffer[] = [];

  constructor(settings: LinkSettings, room: Room) {
    this.#settings = settings;
    const { frameIn: limit, summing, lineFeeds, sum } = settings;
    const reading = { limit, summing, lineFeeds, sum };
    this.#reader = settings.framing === 'text' ? textReader(reading) : frameReader(reading);
    const emit = (action: Action): void => void this.#actions.push(action);
    const reset = (): void => this.#reader.reset();
    this.#receiver = new Receiver(settings, { emit, reset, room });
    this.#sender = new Sender(settings, { emit, rested: reset });
  }

  get state(): Link['state'] {
    return this.#sender.state === 'neutral' ? this.#receiver.state : this.#sender.state;
  }

  get due(): number | undefined {
    return this.#sender.due ?? this.#receiver.due;
  }

  take(chunk: Buffer, now: number): Action[] {
    this.#run(chunk, now);
    return this.#collected();
  }

  tick(now: number): Action[] {
    if (this.due !== undefined && now >= this.due) {
      if (this.#sender.state === 'neutral') this.#receiver.late();
      else this.#sender.late(now);
    }
    return this.#collected();
  }

  stored(ok: boolean, now: number): Action[] {
    this.#receiver.stored(ok, now);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const chunk of waiting) this.#run(chunk, now);
    return this.#collected();
  }

  offer(records: readonly Uint8Array[], now: number): Action[] | undefined {
    if (this.state !== 'neutral' || !this.#sender.offer(records, now)) return undefined;
    return this.#collected();
  }

  end(): void {
    this.#receiver.end();
  }

  #run(chunk: Buffer, now: number): void {
    for (let at = 0; at < chunk.length; at++) {
      if (this.state === 'storing') {
        this.#waiting.push(chunk.subarray(at));
        return;
      }
      const byte = chunk[at] ?? 0;
      // What stands outside of any transmission cannot begin a frame: ENQ must be seen behind it.
      const isOutside = this.state === 'neutral' && !this.#settings.withoutEnq && byte !== control.ENQ;
      const piece: Piece | undefined = isOutside ? { kind: 'noise' } : this.#reader.take(byte);
      if (piece !== undefined) this.#take(piece, now);
    }
    if (this.#sender.state === 'neutral' && this.state !== 'storing' && this.#reader.inside) this.#receiver.wait(now);
  }

  #take(piece: Piece, now: number): void {
    if (piece.kind === 'noise') this.#receiver.noise++;
    else if (this.#sender.state === 'neutral') this.#receiver.take(piece, now);
    else this.#sender.take(piece, now);
  }

  #collected(): Action[] {
    const { noise: bytes } = this.#receiver;
    if (bytes > 0) this.#actions.push({ kind: 'noise', bytes });
    const actions = this.#actions;
    this.#actions = [];
    this.#receiver.noise = 0;
    return actions;
  }
}
