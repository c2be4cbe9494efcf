/**
 * What could not be applied waits as a Task with the reason and the message, the offending field marked, until somebody
 * mends it and replays it. https://hl7.org/fhir/R4/task.html
 */
import type { Place, Problem } from '../../hl7v2/acknowledge.ts';
import { fieldsOf, serializeMessage, type Message } from '../../hl7v2/message.ts';
import type { Server } from '../../request.ts';
import type { Tenant } from '../../store/tenants.ts';
import { openTask, shown } from '../task.ts';

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
  await openTask(
    server,
    { tenant, interface: { id: endpoint }, peer },
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
  await openTask(
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
