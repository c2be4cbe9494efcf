/**
 * The names of segments, fields and components (npm package `hl7v2-dictionary`).
 *
 * Decision: a thread of its own loads the package (dictionary-thread.ts) and hands over the names of one version. Loading it
 * takes 340 MB and one to three seconds in which nothing else would run; the names of a version are some 150 kB and stay.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Names } from './names.ts';

const known = new Map<string, Promise<Names>>();

const resourceLimits = { maxOldGenerationSizeMb: 768, maxYoungGenerationSizeMb: 64 };

/** Those whose names the package has (MSH-12). */
const versions = ['2.1', '2.2', '2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.7.1', '2.8'];

/** @param version MSH-12; one that is not known is read as 2.5.1 */
export async function namesOf(version: string): Promise<Names> {
  const wanted = versions.includes(version) ? version : '2.5.1';
  const loading = known.get(wanted) ?? loadNames(wanted);
  known.set(wanted, loading);
  try {
    return await loading;
  } catch (error) {
    known.delete(wanted);
    throw error;
  }
}

async function loadNames(version: string): Promise<Names> {
  const thread = new Worker(new URL('./dictionary-thread.ts', import.meta.url), {
    workerData: version,
    resourceLimits,
  });
  try {
    const [names] = (await once(thread, 'message')) as [Names];
    return names;
  } finally {
    await thread.terminate();
  }
}
