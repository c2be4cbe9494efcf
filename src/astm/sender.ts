/** The sender of a link: asks, sends frames, and says what became of a message. Its states are those of link.ts. */
import type { Emit } from './action.ts';
import { control, framesOf } from './frame.ts';
import type { Piece } from './reader.ts';
import { times, type LinkSettings } from './settings.ts';

const { ACK, NAK, ENQ, EOT } = control;
const mostSends = 6;

export class Sender {
  state: 'neutral' | 'asking' | 'sending' = 'neutral';
  due: number | undefined;
  readonly #settings: LinkSettings;
  readonly #emit: Emit;
  /** To be told when the line is free again. */
  readonly #rested: () => void;
  #frames: readonly Buffer[] = [];
  #at = 0;
  #sends = 0;
  /** Before this we do not ask. */
  #notBefore = 0;

  constructor(settings: LinkSettings, { emit, rested }: { readonly emit: Emit; readonly rested: () => void }) {
    [this.#settings, this.#emit, this.#rested] = [settings, emit, rested];
  }

  /** @returns whether it could be offered now */
  offer(records: readonly Uint8Array[], now: number): boolean {
    if (this.state !== 'neutral' || now < this.#notBefore) return false;
    const { frameOut, sum } = this.#settings;
    this.#frames = framesOf(records, frameOut, sum);
    [this.#at, this.#sends] = [0, 0];
    this.state = 'asking';
    this.due = now + times.reply;
    this.#send(ENQ);
    return true;
  }

  take(piece: Piece, now: number): void {
    const code = piece.kind === 'control' ? piece.code : undefined;
    if (this.state === 'asking') this.#answered(code, now);
    else this.#replied(code, now);
  }

  late(now: number): void {
    this.#giveUp('The receiver did not answer for 15 seconds.', now, true);
  }

  #answered(code: number | undefined, now: number): void {
    if (code === ACK) {
      this.state = 'sending';
      this.#sendFrame(now);
    } else if (code === NAK) {
      this.#giveUp('The receiver is busy.', now + times.afterNak, false);
    } else if (code === ENQ) {
      this.#giveUp('Both wanted to send.', now + times.contention[this.#settings.role], false);
    }
  }

  #replied(code: number | undefined, now: number): void {
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
    this.#emit({ kind: 'send', bytes: this.#frames[this.#at]! });
  }

  #delivered(): void {
    this.#send(EOT);
    this.#emit({ kind: 'delivered' });
    this.#rest();
  }

  #giveUp(reason: string, again: number, ends: boolean): void {
    if (ends) this.#send(EOT);
    this.#emit({ kind: 'undelivered', reason, again });
    this.#notBefore = again;
    this.#rest();
  }

  #rest(): void {
    this.#frames = [];
    this.state = 'neutral';
    this.due = undefined;
    this.#rested();
  }

  #send(code: number): void {
    this.#emit({ kind: 'send', bytes: Buffer.of(code) });
  }
}
