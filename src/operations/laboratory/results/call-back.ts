/**
 * Observation/[id]/$call-back: a critical result was told, and the other side read it back.
 *
 *   POST [base]/Observation/[id]/$call-back    receiver, readBack, time?, note?    200: the Communication
 *
 * `receiver` is the name of who was told, or a reference. Without having been read back it does not count (422).
 */
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import type { Answer, Context } from '../../../request.ts';
import { optional } from '../../administer.ts';
import { operationInput, type Input } from '../../parameters.ts';
import { missing, textOf } from '../../request-input.ts';
import { timeIn } from '../input.ts';
import { asServer, changed, made, writeAll, writtenResource } from '../server-rights.ts';
import { known, knownBy } from '../specimens-and-orders.ts';
import { criticalCode, taskSystem } from './critical.ts';

export async function callBack(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['receiver', 'readBack', 'time', 'note']);
  const told = toldIn(input);
  const note = textOf(input, 'note', 2_000);
  return inTransaction(context, async (inside) => {
    const { resource: result } = await known(inside, 'Observation', call.target.id);
    const server = asServer(inside);
    const tasks = await knownBy(server, 'Task', [
      ['focus', `Observation/${call.target.id}`],
      ['code', `${taskSystem}|${criticalCode}`],
      ['status', 'requested'],
    ]);
    if (tasks.length === 0) {
      throw outcomeError(
        'conflict',
        `Observation/${call.target.id} waits for no call: it is not critical, or was told.`,
      );
    }
    const { subject, fhirUser } = inside.caller;
    const communication = made(server, {
      resourceType: 'Communication',
      status: 'completed',
      category: [{ coding: [{ system: taskSystem, code: criticalCode }] }],
      priority: 'stat',
      ...(result['subject'] !== undefined && { subject: result['subject'] }),
      about: [{ reference: `Observation/${call.target.id}` }],
      sent: told.time,
      received: told.time,
      recipient: [told.receiver],
      // A sender is a Reference; who is no resource here is named by the account.
      sender: fhirUser === undefined ? { display: subject } : { reference: fhirUser },
      payload: [{ contentString: `Read back by ${String(told.receiver['display'] ?? told.receiver['reference'])}` }],
      ...(note !== undefined && { note: [{ text: note }] }),
    });
    const closed = tasks.map(({ resource, version }) =>
      changed(server, { ...resource, status: 'completed', lastModified: new Date().toISOString() }, version),
    );
    await writeAll(server, [communication, ...closed]);
    return { status: 200, resource: writtenResource(communication) };
  });
}

function toldIn(input: Input): { receiver: JsonObject; time: string } {
  const reference = input.value('receiver');
  const name = reference === undefined ? (textOf(input, 'receiver', 200) ?? missing('receiver')) : undefined;
  if (optional(input, 'readBack') !== 'true') {
    throw outcomeError(
      'business-rule',
      'readBack is not true: a critical result counts as told when it was read back.',
    );
  }
  return {
    receiver: name === undefined ? (reference ?? {}) : { display: name },
    time: timeIn(input, 'time', new Date()),
  };
}
