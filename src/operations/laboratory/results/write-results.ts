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
  // What is for a person may be calculated of what is not (derivedFrom), never the reverse: references lead to what is there.
  await together([writeAll(server, verified), writeAll(inside, own), following()]);
}
