/**
 * Endpoint/[id]/$interface-status: how an interface stands. Parameters:
 *
 *   refused   what it refused: count, and of the last one reason, peer, time
 *   queue     what it sends: waiting, failed (given up), lastSuccess; stalled with failure while the peer takes nothing
 *
 * Each is there where the interface has such a thing.
 */
import type { JsonObject } from '../fhir/json.ts';
import type { Call } from '../interactions/call.ts';
import type { Answer, Context } from '../request.ts';
import { listRefusals, type Refusals } from '../store/interface-refusals.ts';
import { queueStatuses, type QueueStatus } from '../store/outbox.ts';
import { endpointOf } from './endpoint.ts';

export async function interfaceStatus(context: Context, { target: { id } }: Call): Promise<Answer> {
  await endpointOf(context, id);
  const { session } = context;
  const ofThis = (one: { readonly interface: string }): boolean => one.interface === id;
  const refusals = (await listRefusals(session)).find(ofThis);
  const queue = (await queueStatuses(session)).find(ofThis);
  const parameter = [...(refusals ? [refusedPart(refusals)] : []), ...(queue ? [queuePart(queue)] : [])];
  return { status: 200, resource: { resourceType: 'Parameters', ...(parameter.length > 0 && { parameter }) } };
}

function refusedPart({ count, reason, peer, last }: Refusals): JsonObject {
  return {
    name: 'refused',
    part: [
      { name: 'count', valueDecimal: count },
      { name: 'reason', valueString: reason },
      ...(peer === '' ? [] : [{ name: 'peer', valueString: peer }]),
      { name: 'time', valueInstant: last },
    ],
  };
}

function queuePart({ waiting, failed, lastSuccess, stalled, failure }: QueueStatus): JsonObject {
  return {
    name: 'queue',
    part: [
      { name: 'waiting', valueInteger: waiting },
      { name: 'failed', valueInteger: failed },
      ...(lastSuccess === undefined ? [] : [{ name: 'lastSuccess', valueInstant: lastSuccess }]),
      ...(stalled === undefined ? [] : [{ name: 'stalled', valueInstant: stalled }]),
      ...(failure === undefined ? [] : [{ name: 'failure', valueString: failure }]),
    ],
  };
}
