/** Tells the log of every laboratory that this process began to serve it, or ended; nobody waits long for it. */
import { hostname } from 'node:os';
import { thing } from '../audit/security.ts';
import { announce } from '../interactions/announce.ts';
import type { Server } from '../request.ts';
import { listTenants } from '../store/tenants.ts';

/** Under way at once, and milliseconds for all: guesses. */
const lanes = 8;
const longest = 3_000;

/** A laboratory whose log could not be written in time is named in the process's own log. */
export async function announceProcess(server: Server, kind: 'application-start' | 'application-stop'): Promise<void> {
  const deadline = Date.now() + longest;
  try {
    const waiting = (await listTenants(server.database)).filter(({ status }) => status === 'active');
    const lane = async (): Promise<void> => {
      for (let tenant = waiting.shift(); tenant !== undefined && Date.now() < deadline; tenant = waiting.shift()) {
        await announce(server, tenant, {
          kind,
          agent: { subject: 'makhbar', client: 'makhbar' },
          further: [thing('process', `${hostname()} ${process.pid}`)],
        });
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    if (waiting.length > 0) server.log.warn({ kind, laboratories: waiting.length }, 'not told to all laboratories');
  } catch (error) {
    server.log.warn({ kind, err: error }, 'not told to all laboratories');
  }
}
