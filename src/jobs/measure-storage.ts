/**
 * Measures what a laboratory has stored, once a day: the meter (usage/meter.ts) counts what processes write and loses the
 * last seconds of one that dies.
 *
 * What was written in the seconds before measuring began and had not been told yet is counted twice until the next day.
 */
import type { JsonObject } from '../fhir/json.ts';
import {
  beginMeasuring,
  correctStored,
  forgetPeople,
  measureOthers,
  measureVersions,
} from '../store/measure-storage.ts';
import { more, type JobContext, type Run, type Step } from './job.ts';

interface Cursor {
  /** Versions written later are left to the meter. */
  readonly before: string;
  /** What the meter said then. */
  readonly level: number;
  readonly rid: string;
  readonly version: number;
  readonly bytes: number;
}

/** Versions of one statement: about 10 ms. */
const windowSize = 10_000;

export async function measureStorage({ server }: JobContext, run: Run): Promise<Step> {
  const { job, session, tenant, until } = run;
  let cursor = (job.cursor as unknown as Cursor | undefined) ?? (await begin(run));
  do {
    const { before, rid, version } = cursor;
    const measured = await measureVersions(session, { rid, version }, { before, size: windowSize });
    cursor = { ...cursor, bytes: cursor.bytes + measured.bytes, ...measured.next };
    if (measured.next === undefined) {
      const bytes = cursor.bytes + (await measureOthers(session));
      await correctStored(server.database, tenant.id, { before, correction: bytes - cursor.level });
      await forgetPeople(server.database, tenant.id);
      return { done: bytes };
    }
  } while (Date.now() < until);
  return more(run, cursor as unknown as JsonObject);
}

async function begin({ session }: Run): Promise<Cursor> {
  return { ...(await beginMeasuring(session)), rid: '0', version: 0, bytes: 0 };
}
