/** The export that a caller asks about: his own, and only as long as he may still see what is in it. */
import { mayStillSee } from '../exporting/allowed.ts';
import { mayResearch } from '../exporting/research.ts';
import { formatOf, requestFrom, type ExportRequest } from '../exporting/request.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { toldTypes } from '../interactions/referenced.ts';
import type { Context } from '../request.ts';
import { readExport, type BulkExport } from '../store/exports.ts';

export interface OwnExport {
  readonly made: BulkExport;
  readonly request: ExportRequest;
}

/** @throws OutcomeError 404, also for those of others; 403 where what he may see has become less; 410 where it has expired. */
export async function ownExport(context: Context, id: string): Promise<OwnExport> {
  const { caller, session } = context;
  const made = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? await readExport(session, id) : undefined;
  if (made?.subject !== caller.subject || made.client !== caller.client) {
    throw outcomeError('not-found', `There is no export "${id.slice(0, 64)}".`);
  }
  const request = requestFrom(made.request);
  if (!(request.project === undefined ? mayStillSee(caller, request.caller, typesIn(request)) : mayResearch(caller))) {
    const sentence = 'Your scopes allow less than when this export was asked for; ask for another.';
    throw outcomeError('forbidden', sentence);
  }
  if (made.overtaken && made.state !== 'running') {
    const sentence =
      'The files of this export were withdrawn: a person was erased since who may be in them. Ask for another.';
    throw outcomeError('deleted', sentence);
  }
  if (made.expires !== undefined && Date.parse(made.expires) <= Date.now()) {
    throw outcomeError('not-found', `The files of this export expired at ${made.expires}; ask for another.`);
  }
  return { made, request };
}

/** Messages tell of what they refer to as well. */
function typesIn(request: ExportRequest): readonly string[] {
  return formatOf(request) === 'ndjson' ? request.types : [...new Set([...request.types, ...toldTypes, 'Binary'])];
}
