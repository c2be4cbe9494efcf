/**
 * The receiver of a link: what comes, what it is answered with, and what is given up to be stored. Its states are those of
 * link.ts; rules 1 and 3 there are kept here.
 */
import type { Emit } from './action.ts';
import { control } from './frame.ts';
import { gathering, type Gathering, type Taken } from './gathering.ts';
import type { Piece } from './reader.ts';
import type { Room } from './room.ts';
import { times, type LinkSettings } from './settings.ts';

const { ACK, NAK, ENQ, EOT } = control;

type Framed = Exclude<Piece, { kind: 'noise' | 'control' }>;

export class Receiver {
  state: 'neutral' | 'receiving' | 'storing' = 'neutral';
  due: number | undefined;
  /** Bytes that meant nothing. */
  noise = 0;
  readonly #settings: LinkSettings;
  readonly #emit: Emit;
  /** To be told when a frame that has begun is not to be read on. */
  readonly #reset: () => void;
  readonly #gathered: Gathering;
  /** The frame that was taken last, and the one before it. */
  #last: Taken | undefined;
  #before: Taken | undefined;
  /** After storing: what the frame is answered with. */
  #answers = true;

  constructor(
    settings: LinkSettings,
    { emit, reset, room }: { readonly emit: Emit; readonly reset: () => void; readonly room: Room },
  ) {
    [this.#settings, this.#emit, this.#reset] = [settings, emit, reset];
    this.#gathered = gathering(room);
  }

  take(piece: Exclude<Piece, { kind: 'noise' }>, now: number): void {
    if (piece.kind === 'control') this.#controlled(piece.code, now);
    else this.#framed(piece, now);
  }

  stored(ok: boolean, now: number): void {
    if (this.state !== 'storing') return;
    if (this.#answers) {
      this.#receive(now);
      this.#send(ok ? ACK : NAK);
      if (!ok) this.#emit({ kind: 'refused', rule: 'The message could not be stored.' });
    } else {
      this.rest();
    }
    if (ok || !this.#answers) {
      this.#gathered.forget();
    } else {
      // A frame that was not taken comes again, and with it the message is complete again.
      this.#gathered.untake();
      this.#last = this.#before;
    }
  }

  /** Something comes, if slowly: a frame of 64,000 characters takes a minute on a line of 9,600 baud. */
  wait(now: number): void {
    this.due = now + times.receive;
  }

  late(): void {
    this.#drop('Nothing came for 30 seconds.');
    this.rest();
  }

  /** Nothing more comes. */
  end(): void {
    this.#gathered.forget();
  }

  rest(): void {
    this.state = 'neutral';
    this.due = undefined;
    this.#last = undefined;
    this.#reset();
  }

  #controlled(code: number, now: number): void {
    if (code === ENQ) {
      this.#drop('The sender began anew.');
      this.#receive(now);
      this.#send(ACK);
    } else if (code === EOT && this.state === 'receiving') {
      const bytes = this.#gathered.dropCut();
      if (bytes > 0) this.#emit({ kind: 'dropped', bytes, reason: 'The sender ended within a record.' });
      if (this.#gathered.size > 0) this.#hand(false);
      else this.rest();
    } else {
      this.noise++;
    }
  }

  #framed(piece: Framed, now: number): void {
    if (this.state === 'neutral') {
      if (!this.#settings.withoutEnq) {
        this.noise++;
        return;
      }
      this.#last = undefined;
    }
    this.#receive(now);
    if (piece.kind === 'damaged') this.#refuse(piece.rule, piece);
    else if (this.#isAgain(piece)) this.#send(ACK);
    else this.#new(piece);
  }

  #isAgain({ number, text }: Taken): boolean {
    return this.#last?.number === number && this.#last.text.equals(text);
  }

  #new(frame: Taken): void {
    const { number, text, last } = frame;
    const { messageLimit, ends } = this.#settings;
    const expected = ((this.#last?.number ?? 0) + 1) % 8;
    if (!this.#isNext(number, expected)) {
      this.#refuse(`The number of the frame is ${number}, and not ${expected}.`, { number });
      return;
    }
    if (this.#gathered.size + text.length > messageLimit) {
      this.#refuse(`A message has at most ${messageLimit} bytes.`, { number });
      return;
    }
    if (!this.#gathered.keep(frame)) {
      this.#refuse('The server has no room for more of this message now: too many others are under way.', { number });
      return;
    }
    [this.#before, this.#last] = [this.#last, frame];
    if (last && (ends === 'frame' || this.#gathered.endsMessage())) this.#hand(true);
    else this.#send(ACK);
  }

  #isNext(number: number, expected: number): boolean {
    const { numbers, framing } = this.#settings;
    if (number === expected || numbers === 'any' || framing === 'text') return true;
    return numbers === 'restarts' && number <= 1 && this.#gathered.betweenRecords;
  }

  #hand(answers: boolean): void {
    this.state = 'storing';
    this.#answers = answers;
    this.due = undefined;
    this.#emit({ kind: 'message', content: this.#gathered.content(), acknowledged: !answers });
  }

  #receive(now: number): void {
    this.state = 'receiving';
    this.wait(now);
  }

  #drop(reason: string): void {
    const { size } = this.#gathered;
    if (size > 0) this.#emit({ kind: 'dropped', bytes: size, reason });
    this.#gathered.forget();
    this.#last = undefined;
    this.#reset();
  }

  #refuse(rule: string, { number, byte }: { readonly number?: number; readonly byte?: number }): void {
    const place = { ...(number !== undefined && { number }), ...(byte !== undefined && { byte }) };
    this.#emit({ kind: 'refused', rule, ...place });
    this.#send(NAK);
  }

  #send(code: number): void {
    this.#emit({ kind: 'send', bytes: Buffer.of(code) });
  }
}
