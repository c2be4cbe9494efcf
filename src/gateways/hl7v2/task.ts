/**
 * What could not be applied waits as a Task with the reason and the message, the offending field marked, until somebody
 * mends it and replays it. https://hl7.org/fhir/R4/task.html
 */
import type { JsonObject } from '../../fhir/json.ts';
import type { Place, Problem } from '../../hl7v2/acknowledge.ts';
import { fieldsOf, serializeMessage, type Message } from '../../hl7v2/message.ts';
import { findMatches } from '../../interactions/matches.ts';
import type { Request, Server } from '../../request.ts';
import { serve } from '../../serve.ts';
import type { Tenant } from '../../store/tenants.ts';
import { contextOf, interfaceCaller } from '../gateway.ts';
import { patchBody, resourceBody } from '../request.ts';

export const messageSystem = 'urn:makhbar:message';
const taskCodes = 'urn:makhbar:task';

/** Characters of a message that a Task shows: the message itself is kept whole. */
const shown = 64_000;

interface Waiting {
  readonly tenant: Tenant;
  readonly interface: { readonly id: string; readonly name: string };
  readonly message: Message;
  readonly peer: string;
}

/** One Task for a message, however often it fails. */
export async function waitAsTask(
  server: Server,
  { tenant, interface: { id: endpoint, name }, message, peer }: Waiting,
  { id, problems }: { readonly id: string; readonly problems: readonly Problem[] },
): Promise<void> {
  await open(
    server,
    { tenant, interface: { id: endpoint, name }, peer },
    {
      id,
      text: `Message of ${name} not applied`,
      description: problems.map(({ sentence }) => sentence).join('\n'),
      input: [{ type: { text: 'message' }, valueString: marked(message, problems[0]?.place).slice(0, shown) }],
    },
  );
}

interface Unsent {
  /** Of the message, or of the Task where there is none. */
  readonly id: string;
  readonly sentence: string;
  /** The version that was to be told: Type/id/_history/n. */
  readonly source?: string | undefined;
  readonly message?: Message | undefined;
}

/** One Task for what was to be sent and was not. */
export async function waitToBeSent(
  server: Server,
  { tenant, interface: own }: Pick<Waiting, 'tenant' | 'interface'>,
  { id, sentence, source, message }: Unsent,
): Promise<void> {
  const reference = /^[A-Z]\w+\/[^/]+/.exec(source ?? '')?.[0];
  await open(
    server,
    { tenant, interface: own, peer: '' },
    {
      id,
      text: `Message to ${own.name} not sent`,
      description: sentence,
      ...(reference !== undefined && { focus: { reference } }),
      input:
        message === undefined
          ? []
          : [{ type: { text: 'message' }, valueString: marked(message, undefined).slice(0, shown) }],
    },
  );
}

interface Opened {
  readonly id: string;
  readonly text: string;
  readonly description: string;
  readonly focus?: JsonObject;
  readonly input: JsonObject[];
}

async function open(
  server: Server,
  { tenant, interface: { id: endpoint }, peer }: Pick<Waiting, 'tenant' | 'interface' | 'peer'>,
  { id, text, description, focus, input }: Opened,
): Promise<void> {
  const caller = await interfaceCaller(server, tenant, endpoint);
  const context = contextOf(server, { tenant, caller, requestId: id, address: peer });
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
  { tenant, interface: { id: endpoint }, peer }: Pick<Waiting, 'tenant' | 'interface' | 'peer'>,
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

/** The message with the field that a problem names between » and «. */
export function marked(message: Message, place: Place | undefined): string {
  const lines = message.segments.map((segment) => segment.text);
  const at = place === undefined ? -1 : segmentAt(message, place);
  const segment = message.segments[at];
  if (place === undefined || segment === undefined) return serializeMessage(message).replaceAll(/\r\n?/g, '\n');
  const { field } = message.delimiters;
  const parts = fieldsOf(message.delimiters, segment);
  const number = place.field ?? 0;
  while (parts.length <= number) parts.push('');
  parts[number] = `»${parts[number]}«`;
  const isHeader = segment.name === 'MSH';
  lines[at] = isHeader ? [parts[0], ...parts.slice(2)].join(field) : parts.join(field);
  return `${lines.join('\n')}\n`;
}

function segmentAt({ segments }: Message, { segment, sequence = 1 }: Place): number {
  const places = segments.flatMap(({ name }, i) => (name === segment ? [i] : []));
  return places[sequence - 1] ?? places[0] ?? -1;
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
