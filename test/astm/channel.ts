/** Two links and the line between them, with a clock of its own: everything that happens on it, in order. */
import type { Action } from '../../src/astm/action.ts';
import { astmLink, type Link } from '../../src/astm/link.ts';
import { standardLink, type LinkSettings } from '../../src/astm/settings.ts';

export interface Side {
  readonly link: Link;
  readonly messages: Buffer[];
  readonly delivered: string[];
  readonly actions: Action[];
}

export function side(settings: Partial<LinkSettings> = {}): Side {
  return { link: astmLink({ ...standardLink, ...settings }), messages: [], delivered: [], actions: [] };
}

export interface Line {
  now: number;
  /** What reaches the other side of what was sent; each byte is counted over the whole line. */
  damage: (byte: number, at: number, from: 'instrument' | 'host') => number | undefined;
  chunk: number;
  /** Bytes that each has sent. */
  sent: { instrument: number; host: number };
}

/** Runs until nothing is under way any more and no clock matters, or `until` has come. */
export function run(instrument: Side, host: Side, line: Line, first: readonly Action[], until = 600_000): void {
  const bytes: { to: Side; chunk: Buffer }[] = [];
  const act = (from: Side, actions: readonly Action[]): void => {
    const name = from === instrument ? 'instrument' : 'host';
    for (const action of actions) {
      from.actions.push(action);
      if (action.kind === 'message') {
        from.messages.push(action.content);
        act(from, from.link.stored(true, line.now));
      } else if (action.kind === 'delivered' || action.kind === 'undelivered') {
        from.delivered.push(action.kind);
      } else if (action.kind === 'send') {
        const sent = [...action.bytes].flatMap((byte) => line.damage(byte, line.sent[name]++, name) ?? []);
        for (let at = 0; at < sent.length; at += line.chunk)
          bytes.push({
            to: from === instrument ? host : instrument,
            chunk: Buffer.from(sent.slice(at, at + line.chunk)),
          });
      }
    }
  };
  act(instrument, first);
  while (line.now < until) {
    const next = bytes.shift();
    if (next !== undefined) {
      act(next.to, next.to.link.take(next.chunk, line.now));
      continue;
    }
    const due = [instrument, host].map(({ link }) => link.due).filter((at) => at !== undefined);
    if (due.length === 0) return;
    line.now = Math.min(...due);
    for (const one of [instrument, host]) act(one, one.link.tick(line.now));
  }
}

export function perfect(): Line {
  return { now: 0, damage: (byte) => byte, chunk: 4_096, sent: { instrument: 0, host: 0 } };
}

/** What the host answered, as letters. */
export function answers({ actions }: Side): string {
  return actions.flatMap((action) => (action.kind === 'send' ? (letters[action.bytes[0] ?? 0] ?? '') : '')).join('');
}

const letters: Record<number, string> = { 0x06: 'A', 0x15: 'N', 0x05: 'Q', 0x04: 'E', 0x02: 'F' };
