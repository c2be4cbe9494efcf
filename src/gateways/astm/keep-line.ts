/** A line that the server opens, kept open: what ends is opened again after a while. */
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds before a line that is not there is looked for again. */
const again = 5_000;

export interface KeptLine {
  /** Undefined while it is not open. */
  readonly stream: Duplex | undefined;
  stop(): Promise<void>;
}

export interface Keeping {
  /** Takes an open line; done when it was closed and nothing of it is under way. */
  readonly serve: (stream: Duplex) => Promise<void>;
  /** Why it is not open: told when it changes. */
  readonly told: (reason: string) => void;
  readonly again?: number;
}

/** Serves a line whenever it is there, until it is stopped. */
export function keepLine(connect: () => Promise<Duplex>, { serve, told, again: wait = again }: Keeping): KeptLine {
  const stopping = new AbortController();
  let open: Duplex | undefined;
  let reason = '';
  const note = (now: string): void => {
    if (now !== reason && now !== '') told(now);
    reason = now;
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        open = await connect();
        note('');
        if (stopping.signal.aborted) open.destroy();
        await serve(open);
        note(stopping.signal.aborted ? '' : 'The line was closed.');
      } catch (error) {
        note((error as { message?: string }).message ?? 'The line cannot be opened.');
      }
      open?.destroy();
      open = undefined;
      await pause(wait, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    get stream() {
      return open;
    },
    stop: async () => {
      stopping.abort();
      open?.destroy();
      await running;
    },
  };
}
