/**
 * A socket that reads into one piece of memory again and again, for connections over which much is copied.
 *
 * Node takes new memory outside the heap for each read. It is garbage at once, and every 64 MB of it make the collector go
 * through the whole heap: a third of an export's time.
 *
 * While it `lends`, whoever hears `data` is given that memory itself, which holds other bytes afterwards; else a copy.
 */
import { Socket } from 'node:net';

const size = 262_144;

export class LendingSocket extends Socket {
  lends = false;

  constructor() {
    super({
      onread: {
        buffer: Buffer.allocUnsafeSlow(size),
        callback: (length, memory) => this.#heard(Buffer.from(memory.buffer, 0, length)),
      },
    });
  }

  #heard(bytes: Buffer): boolean {
    if (this.lends) this.emit('data', bytes);
    else this.push(Buffer.from(bytes));
    return true;
  }
}
