/**
 * Deletes the files of what was erased, which the transaction of the erasure noted (table erased_file). A file is deleted
 * before its note: whatever ends the process between the two, another run finds the note.
 */
import { binaryFiles } from '../interactions/binary-files.ts';
import { forgetErasedFiles, listErasedFiles } from '../store/erasure.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';

const files = 200;

export async function deleteErasedFiles({ server }: JobContext, run: Run): Promise<Step> {
  const store = binaryFiles({ server, tenant: run.tenant });
  const keys = await listErasedFiles(run.session, files);
  await Promise.all(keys.map((key) => store.delete(key)));
  await forgetErasedFiles(run.session, keys);
  const done = run.job.done + keys.length;
  return keys.length < files ? { done } : more(run, {}, { done });
}
