/**
 * Serial lines of analyzers: which one, how it is set, and that it is opened again when it comes back: a cable that was
 * pulled, an adapter that was plugged in anew.
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { keepLine, type Keeping, type KeptLine } from './keep-line.ts';
import type { SerialSettings } from '../../astm/serial-address.ts';

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
export function keepSerial(settings: SerialSettings, keeping: Keeping): KeptLine {
  return keepLine(() => openSerial(settings), keeping);
}
