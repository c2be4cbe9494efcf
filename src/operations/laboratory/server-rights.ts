/**
 * What follows from a step of the laboratory is the server's own doing, told in the log as the caller's: who collects a
 * specimen need not be allowed to change orders, nor to write the chain of custody. What the step itself makes or changes
 * is written with the caller's rights.
 */
import { operatorCaller } from '../../access/caller.ts';
import { parseScopes } from '../../access/scopes.ts';
import type { JsonObject } from '../../fhir/json.ts';
import { outcomeError } from '../../fhir/outcome.ts';
import { commitAll } from '../../interactions/commit.ts';
import { newId } from '../../interactions/new-id.ts';
import { prepare, type Prepared } from '../../interactions/prepare.ts';
import type { Context } from '../../request.ts';

export function asServer(context: Context): Context {
  const { subject, client, fhirUser, purposes } = context.caller;
  const caller = operatorCaller({
    subject,
    client,
    scopes: parseScopes('system/*.cruds'),
    purposes,
    ...(fhirUser !== undefined && { fhirUser }),
  });
  return { ...context, caller };
}

/** A resource as it was read. */
export interface Known {
  readonly resource: JsonObject;
  readonly version: number;
}

export function made(context: Context, resource: JsonObject, id = newId()): Prepared {
  return led(prepare(context, { ...resource, id }, { id, method: 'POST', expect: 'absent', fresh: true }));
}

/** In the place of the version that was read. */
export function changed(context: Context, resource: JsonObject, version: number): Prepared {
  return led(prepare(context, resource, { id: String(resource['id']), method: 'PUT', expect: version }));
}

/** The steps of the laboratory keep the tables of states. */
function led(prepared: Prepared): Prepared {
  return { ...prepared, authority: 'operation' };
}

/** All of them or none. @throws OutcomeError `conflict` where somebody else was first. */
export async function writeAll(inside: Context, all: readonly Prepared[]): Promise<void> {
  if (all.length === 0) return;
  const written = await commitAll(inside, all);
  const missed = all.find((_, i) => written[i] === undefined);
  if (missed === undefined) return;
  throw outcomeError(
    'conflict',
    `${missed.type}/${missed.entry.id} was changed by somebody else meanwhile; look at it and try again.`,
  );
}

/** As it is answered after it was written. */
export function writtenResource({ resource, entry }: Prepared): JsonObject {
  const version = typeof entry.expect === 'number' ? entry.expect + 1 : 1;
  const meta = (resource['meta'] ?? {}) as JsonObject;
  return { ...resource, id: entry.id, meta: { ...meta, versionId: String(version) } };
}
