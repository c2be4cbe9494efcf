/**
 * Writes results, and what follows from them, in the caller's transaction. PostgreSQL is at work on the results while what
 * follows is prepared: of a hundred results that is a fifth of the time.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { together } from '../../../interactions/together.ts';
import type { Context } from '../../../request.ts';
import { asServer, writeAll } from '../server-rights.ts';
import type { Results } from './work-up.ts';

export async function writeResults(
  inside: Context,
  { own, verified, followed }: Pick<Results, 'own' | 'verified' | 'followed'>,
): Promise<void> {
  const server = asServer(inside);
  const following = async (): Promise<void> => {
    // What was asked before has left then.
    await nextTurn();
    await writeAll(server, await followed());
  };
  await together([writeAll(inside, own), writeAll(server, verified), following()]);
}
