/** How the link of an analyzer behaves: what the standard says, or what its driver says. */
import { checksum, standardText } from './frame.ts';
import type { Summing } from './reader.ts';

export interface LinkSettings {
  readonly role: 'host' | 'instrument';
  /** Most characters of text in a frame: that come, and that we send. */
  readonly frameIn: number;
  readonly frameOut: number;
  /** Most bytes of a message. */
  readonly messageLimit: number;
  /** `text`: STX, a text without a number, ETX; its sum stands in the text, behind a GS. */
  readonly framing: 'numbered' | 'text';
  readonly summing: Summing;
  readonly sum: (content: Uint8Array) => string;
  readonly lineFeeds: boolean;
  /** `restarts`: a record may begin with frame 0 or 1; `any`: numbers mean nothing. */
  readonly numbers: 'counted' | 'restarts' | 'any';
  /** Frames without ENQ before them begin a transmission. */
  readonly withoutEnq: boolean;
  /** `frame`: each frame with ETX is a message; else the record L ends it. */
  readonly ends: 'terminator' | 'frame';
}

export const standardLink: LinkSettings = {
  role: 'host',
  frameIn: 64_000,
  frameOut: standardText,
  messageLimit: 32_000_000,
  framing: 'numbered',
  summing: 'required',
  sum: checksum,
  lineFeeds: false,
  numbers: 'counted',
  withoutEnq: false,
  ends: 'terminator',
};

/** Milliseconds (§6.5). */
export const times = {
  reply: 15_000,
  receive: 30_000,
  afterNak: 10_000,
  contention: { host: 20_000, instrument: 1_000 },
  /** Before we ask again after an interrupt (§6.3.5.1). */
  afterInterrupt: 15_000,
} as const;
