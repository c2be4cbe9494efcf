/** Deletes what the OpenID provider no longer needs, and retires signing keys that others have taken the place of. */
import { deleteExpired } from '../store/oidc.ts';
import { retireReplacedKeys } from '../store/signing-keys.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';

const rows = 1_000;

export async function sweepSignIn(_context: JobContext, run: Run): Promise<Step> {
  const deleted = await deleteExpired(run.session, rows);
  const done = run.job.done + deleted;
  if (deleted >= rows) return more(run, {}, { done });
  await retireReplacedKeys(run.session);
  return { done };
}
