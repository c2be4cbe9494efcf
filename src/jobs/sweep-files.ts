/** Deletes the files of a tenant that no version of a Binary names: left by a process that ended between file and row. */
import { sweepBinaryFiles } from '../interactions/binary-files.ts';
import type { JobContext, Run, Step } from './job.ts';

export async function sweepFiles({ server }: JobContext, { tenant }: Run): Promise<Step> {
  return { done: await sweepBinaryFiles({ server, tenant }) };
}
