/**
 * Reading and writing the Tasks of data-subject requests: the server's own doing, told in the log as the caller's. Whoever may
 * take a step need not be allowed to write Tasks, nor to read what is handed to the person.
 */
import { operatorCaller } from '../access/caller.ts';
import { officerRole } from '../access/roles.ts';
import { parseScopes } from '../access/scopes.ts';
import type { JsonObject } from '../fhir/json.ts';
import { outcomeError } from '../fhir/outcome.ts';
import { typeNumber } from '../fhir/resource-types.ts';
import { commitAll } from '../interactions/commit.ts';
import { parseStored } from '../interactions/document.ts';
import { newId } from '../interactions/new-id.ts';
import { prepare, type Intent, type Prepared } from '../interactions/prepare.ts';
import { isRequest } from '../privacy/request-task.ts';
import type { Context } from '../request.ts';
import { readCurrent, type Stored } from '../store/read.ts';

/** Bound by no label, consent or restriction: what a person is given of himself is whole. */
export function withAllRights(context: Context): Context {
  const { subject, client, fhirUser } = context.caller;
  const caller = operatorCaller({
    subject,
    client,
    scopes: parseScopes('system/*.cruds'),
    roles: [officerRole],
    ...(fhirUser !== undefined && { fhirUser }),
    purposes: context.caller.purposes,
  });
  return { ...context, caller, ofRequest: true };
}

/** A resource of a request that there was not. */
export function made(context: Context, resource: JsonObject, id = newId()): Prepared {
  return prepare(withAllRights(context), { ...resource, id }, { id, method: 'PUT', expect: 'absent', fresh: true });
}

export function changed(
  context: Context,
  resource: JsonObject,
  { id, expect }: Pick<Intent, 'id' | 'expect'>,
): Prepared {
  return prepare(withAllRights(context), resource, { id, method: 'PUT', expect });
}

/** All of them or none. @throws OutcomeError `conflict` where somebody else was first. */
export async function writeAll(inside: Context, all: readonly Prepared[]): Promise<readonly number[]> {
  const written = await commitAll(withAllRights(inside), all);
  return written.map((one) => {
    if (one !== undefined) return one.version;
    throw outcomeError('conflict', 'Somebody else has just taken a step with this request; look at it and try again.');
  });
}

export interface Current {
  readonly task: JsonObject;
  readonly version: number;
}

const taskType = typeNumber('Task') ?? -1;

/** @throws OutcomeError `not-found` where there is no such request. */
export async function currentRequest({ session }: Context, id: string): Promise<Current> {
  const stored: Stored | undefined = await readCurrent(session, taskType, id);
  const task = typeof stored?.text === 'string' ? parseStored(stored.text) : undefined;
  if (stored !== undefined && task !== undefined && isRequest(task)) return { task, version: stored.version };
  throw outcomeError('not-found', `There is no data-subject request Task/${id.slice(0, 64)}.`);
}
