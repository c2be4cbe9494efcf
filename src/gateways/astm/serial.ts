/**
 * Serial lines of analyzers: which one, how it is set, and that it is opened again when it comes back: a cable that was
 * pulled, an adapter that was plugged in anew.
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { SerialSettings } from './serial-address.ts';

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

/** The package is native code: it is loaded by who has a serial line. */
export async function openSerial({ path, baudRate, dataBits, parity, stopBits }: SerialSettings): Promise<Duplex> {
  const { SerialPort } = await import('serialport');
  /** The package leaves the line open when its stream is destroyed. */
  class Port extends SerialPort {
    override _destroy(error: Error | null, done: (error: Error | null) => void): void {
      if (this.isOpen) this.close(() => done(error));
      else done(error);
    }
  }
  // Two programs on one line would each get a part of a frame.
  const port = new Port({ path, baudRate, dataBits, parity, stopBits, lock: true, autoOpen: false });
  port.open();
  await once(port, 'open');
  return port;
}

/** Serves a line whenever it is there, until it is stopped. */
export function keepSerial(settings: SerialSettings, { serve, told, again: wait = again }: Keeping): KeptLine {
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
        open = await openSerial(settings);
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
