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
import { control, framesOf, standardText } from './frame.ts';
import { frameReader, type Piece, type Summing } from './reader.ts';

/** Milliseconds (§6.5). */
export const times = {
  reply: 15_000,
  receive: 30_000,
  afterNak: 10_000,
  contention: { host: 20_000, instrument: 1_000 },
  /** Before we ask again after an interrupt (§6.3.5.1). */
  afterInterrupt: 15_000,
} as const;

const mostSends = 6;

/** What a driver says of the link of its analyzers. */
export interface LinkSettings {
  readonly role: 'host' | 'instrument';
  /** Most characters of text in a frame: that come, and that we send. */
  readonly frameIn: number;
  readonly frameOut: number;
  /** Most bytes of a message. */
  readonly messageLimit: number;
  readonly summing: Summing;
  readonly lineFeeds: boolean;
  /** Numbers of frames mean nothing. */
  readonly anyNumber: boolean;
  /** Frames without ENQ before them begin a transmission. */
  readonly withoutEnq: boolean;
}

export const standardLink: LinkSettings = {
  role: 'host',
  frameIn: 64_000,
  frameOut: standardText,
  messageLimit: 32_000_000,
  summing: 'required',
  lineFeeds: false,
  anyNumber: false,
  withoutEnq: false,
};

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

export interface Link {
  take(chunk: Buffer, now: number): Action[];
  /** To be called at `due`, and whenever else. */
  tick(now: number): Action[];
  /** The message that was handed out is stored, or could not be. */
  stored(ok: boolean, now: number): Action[];
  /** @returns undefined where the link is busy or must wait until `due` */
  offer(records: readonly Uint8Array[], now: number): Action[] | undefined;
  /** When the clock matters next, in the time of `now`. */
  readonly due: number | undefined;
  readonly state: 'neutral' | 'receiving' | 'storing' | 'asking' | 'sending';
}

export function astmLink(settings: LinkSettings): Link {
  return new LinkMachine(settings);
}

const { ACK, NAK, ENQ, EOT, CR } = control;

class LinkMachine implements Link {
  state: Link['state'] = 'neutral';
  due: number | undefined;
  readonly #settings: LinkSettings;
  readonly #reader;
  #actions: Action[] = [];
  #noise = 0;
  /** Bytes that came while a message is stored. */
  #waiting: Buffer[] = [];
  /** Texts of frames since the last message. */
  #texts: Buffer[] = [];
  #size = 0;
  /** How many of them end with a record. */
  #whole = 0;
  #last: { readonly number: number; readonly text: Buffer } | undefined;
  /** After storing: what the frame is answered with. */
  #answers = true;
  #frames: readonly Buffer[] = [];
  #at = 0;
  #sends = 0;
  /** Before this we do not ask. */
  #notBefore = 0;

  constructor(settings: LinkSettings) {
    this.#settings = settings;
    const { frameIn, summing, lineFeeds } = settings;
    this.#reader = frameReader({ limit: frameIn, summing, lineFeeds });
  }

  take(chunk: Buffer, now: number): Action[] {
    this.#run(chunk, now);
    return this.#collected();
  }

  tick(now: number): Action[] {
    if (this.due !== undefined && now >= this.due) this.#late(now);
    return this.#collected();
  }

  stored(ok: boolean, now: number): Action[] {
    if (this.state !== 'storing') return [];
    if (this.#answers) {
      this.#receive(now);
      this.#send(ok ? ACK : NAK);
      if (!ok) this.#refused('The message could not be stored.');
    } else {
      this.#rest();
    }
    // A frame that was not taken comes again, and with it the message is complete again.
    if (ok || !this.#answers) this.#forget();
    else this.#untake();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const chunk of waiting) this.#run(chunk, now);
    return this.#collected();
  }

  offer(records: readonly Uint8Array[], now: number): Action[] | undefined {
    if (this.state !== 'neutral' || now < this.#notBefore) return undefined;
    this.#frames = framesOf(records, this.#settings.frameOut);
    [this.#at, this.#sends] = [0, 0];
    this.state = 'asking';
    this.due = now + times.reply;
    this.#send(ENQ);
    return this.#collected();
  }

  #run(chunk: Buffer, now: number): void {
    for (let at = 0; at < chunk.length; at++) {
      if (this.state === 'storing') {
        this.#waiting.push(chunk.subarray(at));
        return;
      }
      const byte = chunk[at] ?? 0;
      // What stands outside of any transmission cannot begin a frame: ENQ must be seen behind it.
      const isOutside = this.state === 'neutral' && !this.#settings.withoutEnq && byte !== ENQ;
      const piece: Piece | undefined = isOutside ? { kind: 'noise' } : this.#reader.take(byte);
      if (piece !== undefined) this.#take(piece, now);
    }
    // Something comes, if slowly: a frame of 64,000 characters takes a minute on a line of 9,600 baud.
    const isReceiving = this.state === 'receiving' || this.state === 'neutral';
    if (isReceiving && this.#reader.inside) this.due = now + times.receive;
  }

  #take(piece: Piece, now: number): void {
    if (piece.kind === 'noise') this.#noise++;
    else if (this.state === 'asking') this.#answered(piece, now);
    else if (this.state === 'sending') this.#replied(piece, now);
    else if (piece.kind === 'control') this.#controlled(piece.code, now);
    else this.#frame(piece, now);
  }

  #controlled(code: number, now: number): void {
    if (code === ENQ) {
      this.#drop('The sender began anew.');
      this.#receive(now);
      this.#send(ACK);
    } else if (code === EOT && this.state === 'receiving') {
      this.#dropCut();
      if (this.#size > 0) this.#hand(false);
      else this.#rest();
    } else {
      this.#noise++;
    }
  }

  #frame(piece: Exclude<Piece, { kind: 'noise' | 'control' }>, now: number): void {
    if (this.state === 'neutral') {
      if (!this.#settings.withoutEnq) {
        this.#noise++;
        return;
      }
      this.#last = undefined;
    }
    this.#receive(now);
    if (piece.kind === 'damaged') {
      this.#refused(piece.rule, piece);
      this.#send(NAK);
      return;
    }
    const { number, text } = piece;
    const again = this.#last?.number === number && this.#last.text.equals(text);
    if (again) {
      this.#send(ACK);
      return;
    }
    const expected = ((this.#last?.number ?? 0) + 1) % 8;
    if (number !== expected && !this.#settings.anyNumber) {
      this.#refused(`The number of the frame is ${number}, and not ${expected}.`, { number });
      this.#send(NAK);
      return;
    }
    if (this.#size + text.length > this.#settings.messageLimit) {
      this.#refused(`A message has at most ${this.#settings.messageLimit} bytes.`, { number });
      this.#send(NAK);
      return;
    }
    this.#keep(piece);
    if (piece.last && this.#endsMessage()) this.#hand(true);
    else this.#send(ACK);
  }

  #keep({ number, text, last }: { number: number; text: Buffer; last: boolean }): void {
    this.#last = { number, text };
    this.#texts.push(text);
    this.#size += text.length;
    // A record ends with its frame, also where the CR is left out.
    if (last && text.at(-1) !== CR) {
      this.#texts.push(Buffer.of(CR));
      this.#size += 1;
    }
    if (last) this.#whole = this.#texts.length;
  }

  /** A record of which the sender sent a part only means nothing: a value may be cut in it. */
  #dropCut(): void {
    const cut = this.#texts.splice(this.#whole);
    const bytes = cut.reduce((sum, { length }) => sum + length, 0);
    this.#size -= bytes;
    if (bytes > 0) this.#actions.push({ kind: 'dropped', bytes, reason: 'The sender ended within a record.' });
  }

  /** Whether the record that ended last is L. */
  #endsMessage(): boolean {
    let tail = this.#texts.at(-1) ?? Buffer.alloc(0);
    // A terminator that is cut into frames is short: two of them hold it.
    if (tail.length < 64) tail = Buffer.concat(this.#texts.slice(-4));
    const records = tail.toString('latin1').split(/[\r\n]+/);
    const record = records.findLast((one) => one !== '') ?? '';
    return /^L(?![A-Za-z0-9])/.test(record);
  }

  #hand(answers: boolean): void {
    this.state = 'storing';
    this.#answers = answers;
    this.due = undefined;
    this.#actions.push({ kind: 'message', content: Buffer.concat(this.#texts), acknowledged: !answers });
  }

  /** A frame that was kept and is not acknowledged. */
  #untake(): void {
    const { number } = this.#last ?? { number: 0 };
    const ended = this.#texts.at(-1)?.equals(Buffer.of(CR)) === true ? this.#texts.splice(-2) : this.#texts.splice(-1);
    for (const { length } of ended) this.#size -= length;
    this.#whole = this.#texts.length;
    const before = (number + 7) % 8;
    this.#last = { number: before, text: this.#texts.at(-1) ?? Buffer.alloc(0) };
  }

  #answered(piece: Piece, now: number): void {
    const code = piece.kind === 'control' ? piece.code : undefined;
    if (code === ACK) {
      this.state = 'sending';
      this.#sendFrame(now);
    } else if (code === NAK) {
      this.#giveUp('The receiver is busy.', now + times.afterNak, false);
    } else if (code === ENQ) {
      this.#giveUp('Both wanted to send.', now + times.contention[this.#settings.role], false);
    }
  }

  #replied(piece: Piece, now: number): void {
    const code = piece.kind === 'control' ? piece.code : undefined;
    if (code === EOT) {
      if (this.#at === this.#frames.length - 1) this.#delivered();
      else this.#giveUp('The receiver asked to stop.', now + times.afterInterrupt, true);
    } else if (code === ACK) {
      this.#at += 1;
      this.#sends = 0;
      if (this.#at === this.#frames.length) this.#delivered();
      else this.#sendFrame(now);
    } else if (this.#sends === mostSends) {
      this.#giveUp(`A frame was sent ${mostSends} times and not taken.`, now + times.afterNak, true);
    } else {
      this.#sendFrame(now);
    }
  }

  #sendFrame(now: number): void {
    this.#sends += 1;
    this.due = now + times.reply;
    this.#actions.push({ kind: 'send', bytes: this.#frames[this.#at]! });
  }

  #delivered(): void {
    this.#send(EOT);
    this.#actions.push({ kind: 'delivered' });
    this.#frames = [];
    this.#rest();
  }

  #giveUp(reason: string, again: number, ends: boolean): void {
    if (ends) this.#send(EOT);
    this.#actions.push({ kind: 'undelivered', reason, again });
    this.#frames = [];
    this.#notBefore = again;
    this.#rest();
  }

  #late(now: number): void {
    if (this.state === 'receiving' || this.state === 'neutral') {
      this.#drop('Nothing came for 30 seconds.');
      this.#rest();
    } else if (this.state === 'asking' || this.state === 'sending') {
      this.#giveUp('The receiver did not answer for 15 seconds.', now, true);
    }
  }

  #receive(now: number): void {
    this.state = 'receiving';
    this.due = now + times.receive;
  }

  #rest(): void {
    this.state = 'neutral';
    this.due = undefined;
    this.#last = undefined;
    this.#reader.reset();
  }

  #forget(): void {
    this.#texts = [];
    [this.#size, this.#whole] = [0, 0];
  }

  #drop(reason: string): void {
    if (this.#size > 0) this.#actions.push({ kind: 'dropped', bytes: this.#size, reason });
    this.#forget();
    this.#last = undefined;
    this.#reader.reset();
  }

  #refused(rule: string, where: { number?: number; byte?: number } = {}): void {
    const { number, byte } = where;
    const place = { ...(number !== undefined && { number }), ...(byte !== undefined && { byte }) };
    this.#actions.push({ kind: 'refused', rule, ...place });
  }

  #send(code: number): void {
    this.#actions.push({ kind: 'send', bytes: Buffer.of(code) });
  }

  #collected(): Action[] {
    if (this.#noise > 0) this.#actions.push({ kind: 'noise', bytes: this.#noise });
    const actions = this.#actions;
    [this.#actions, this.#noise] = [[], 0];
    return actions;
  }
}
