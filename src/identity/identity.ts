/** What the deeds on accounts work with; one for each process. */
import type { Database } from '../store/pool.ts';
import type { Session } from '../store/pool.ts';
import { makeTurns, type Turns } from './turns.ts';

/** The last deed of the transaction that changes something: storing its event. */
export type LastDeed = (session: Session) => Promise<void>;

export interface Identity {
  readonly database: Database;
  readonly keyEncryptionKey: Buffer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** For hashing passwords: 64 MiB and a thread each (password.ts). */
  readonly hashing: Turns;
}

/** Two at once leave two of Node's four threads to files and other ciphers; the rest is a guess. */
const hashing = { atOnce: 2, mostWaiting: 40 };

export function makeIdentity(database: Database, keyEncryptionKey: Buffer, now: () => number = Date.now): Identity {
  return { database, keyEncryptionKey, now, hashing: makeTurns(hashing) };
}
