/**
 * Tasks of messages that wait for somebody, whatever the protocol: one for a message, found again by its id.
 * https://hl7.org/fhir/R4/task.html
 */
import type { JsonObject } from '../fhir/json.ts';
import { findMatches } from '../interactions/matches.ts';
import type { Context, Request, Server } from '../request.ts';
import { serve } from '../serve.ts';
import type { Tenant } from '../store/tenants.ts';
import { contextOf, interfaceCaller } from './gateway.ts';
import { patchBody, resourceBody } from './request.ts';

export const messageSystem = 'urn:makhbar:message';
const taskCodes = 'urn:makhbar:task';

/** Characters of a message that a Task shows: the message itself is kept whole. */
export const shown = 64_000;

/** Whose message it is, and from where it came. */
export interface Where {
  readonly tenant: Tenant;
  readonly interface: { readonly id: string };
  readonly peer: string;
}

/** What the Task of a code without a mapping is called: one, whichever messages bring it. */
export function codeTask(endpoint: string, code: string): string {
  return `${endpoint}/${code}`.slice(0, 200);
}

/** What the Task of a control that was not judged is called: one for each material, whichever messages bring it. */
export function controlTask(endpoint: string, control: string): string {
  return `${endpoint}/control/${control}`.slice(0, 200);
}

interface Opened {
  readonly id: string;
  readonly text: string;
  readonly description: string;
  readonly focus?: JsonObject;
  readonly input: JsonObject[];
}

export async function openTask(
  server: Server,
  { tenant, interface: { id: endpoint }, peer }: Where,
  opened: Opened,
): Promise<void> {
  const caller = await interfaceCaller(server, tenant, endpoint);
  await openTaskIn(contextOf(server, { tenant, caller, requestId: opened.id, address: peer }), opened);
}

/** In the transaction of what waits. */
export async function openTaskIn(context: Context, { id, text, description, focus, input }: Opened): Promise<void> {
  const resource: JsonObject = {
    resourceType: 'Task',
    identifier: [{ system: messageSystem, value: id }],
    status: 'ready',
    intent: 'order',
    code: { coding: [{ system: taskCodes, code: 'message-error' }], text },
    description,
    ...(focus !== undefined && { focus }),
    authoredOn: new Date().toISOString(),
    ...(input.length > 0 && { input }),
  };
  await serve(context, put(resource, id));
}

/** The Task of a message that was applied in the end, if it had one, is completed. */
export async function endTask(
  server: Server,
  { tenant, interface: { id: endpoint }, peer }: Where,
  id: string,
): Promise<void> {
  const caller = await interfaceCaller(server, tenant, endpoint);
  const context = contextOf(server, { tenant, caller, requestId: id, address: peer });
  const [task] = await findMatches(context, 'Task', [['identifier', `${messageSystem}|${id}`]], 1);
  if (task === undefined) return;
  const body = patchBody([{ op: 'replace', path: '/status', value: 'completed' }]);
  const headers = { 'content-type': body.contentType, prefer: 'return=minimal' };
  await serve(context, { method: 'PATCH', segments: ['Task', task.id], query: [], headers, body });
}

function put(resource: JsonObject, id: string): Request {
  return {
    method: 'PUT',
    segments: ['Task'],
    query: [['identifier', `${messageSystem}|${id}`]],
    headers: { 'content-type': 'application/fhir+json', prefer: 'return=minimal' },
    body: resourceBody(resource),
  };
}
