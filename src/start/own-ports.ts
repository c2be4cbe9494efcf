/** Ports of interfaces' own: each has a listener for as long as an interface names it. */
import type { Log } from '../log.ts';

export interface OwnPort {
  readonly port: number;
  readonly secure: boolean;
}

interface Listening {
  stop(): Promise<void>;
}

export interface OwnPorts {
  /** Begins and ends listening as the interfaces say now. */
  follow(): Promise<void>;
  stop(): Promise<void>;
}

/** A port on which nobody can listen is tried again each time; the log says so once for each reason. */
export function makeOwnPorts(
  wanted: () => readonly OwnPort[],
  listen: (port: OwnPort) => Promise<Listening>,
  log: Log,
): OwnPorts {
  const listeners = new Map<string, Listening>();
  const told = new Map<string, string>();
  const open = async (one: OwnPort): Promise<void> => {
    try {
      listeners.set(nameOf(one), await listen(one));
      told.delete(nameOf(one));
    } catch (error) {
      const reason = String(error);
      if (told.get(nameOf(one)) !== reason) log.error({ err: error, port: one.port }, 'an interface cannot listen');
      told.set(nameOf(one), reason);
    }
  };
  return {
    follow: async () => {
      const now = new Map(wanted().map((one) => [nameOf(one), one]));
      for (const name of told.keys()) if (!now.has(name)) told.delete(name);
      for (const [name, listener] of listeners) {
        if (now.has(name)) continue;
        listeners.delete(name);
        await listener.stop();
      }
      for (const [name, one] of now) if (!listeners.has(name)) await open(one);
    },
    stop: async () => {
      await Promise.all([...listeners.values()].map((listener) => listener.stop()));
    },
  };
}

function nameOf({ port, secure }: OwnPort): string {
  return `${port} ${secure}`;
}
