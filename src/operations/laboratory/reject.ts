/**
 * Specimen/[id]/$reject: a specimen that cannot be used, and orders for another in the place of those it was for.
 *
 *   POST [base]/Specimen/[id]/$reject    reason, text?, recollect? (true without it)    200: Parameters with specimen, order…
 *
 * `reason` is a code of v2-0490 (laboratory/rejection.ts). Each order that still stands is revoked, and a new one takes its
 * place (`replaces`), in the same requisition: what was asked, when and why again can be followed.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { inTransaction } from '../../interactions/commit.ts';
import type { Call } from '../../interactions/call.ts';
import type { Prepared } from '../../interactions/prepare.ts';
import { orderState, recollection } from '../../laboratory/order.ts';
import { nextOrderState } from '../../laboratory/order-states.ts';
import { rejectionConcept } from '../../laboratory/rejection.ts';
import { afterStep, ordersOf, withExtension } from '../../laboratory/specimen.ts';
import { objects } from '../../laboratory/terms.ts';
import type { Answer, Context } from '../../request.ts';
import { optional } from '../administer.ts';
import { operationInput } from '../parameters.ts';
import { missing, textOf } from '../request-input.ts';
import { asServer, changed, made, writeAll, writtenResource } from './server-rights.ts';
import { keepCustody } from './specimen-step.ts';
import { known, knownAll } from './specimens-and-orders.ts';

export async function reject(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['reason', 'text', 'recollect']);
  const reason = rejectionConcept(optional(input, 'reason') ?? missing('reason'), textOf(input, 'text', 500));
  const again = optional(input, 'recollect') !== 'false';
  return inTransaction(context, async (inside) => {
    const { resource, version } = await known(inside, 'Specimen', call.target.id);
    const rejected = withExtension(afterStep(resource, 'reject'), 'rejection-reason', { valueCodeableConcept: reason });
    const prepared = changed(inside, rejected, version);
    await writeAll(inside, [prepared]);
    const orders = again ? await recollect(inside, resource, String(reason['text'])) : [];
    await keepCustody(inside, { targets: [`Specimen/${call.target.id}`], step: 'reject', reason });
    return {
      status: 200,
      resource: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'specimen', resource: writtenResource(prepared) },
          ...orders.map((one) => ({ name: 'order', resource: writtenResource(one) })),
        ],
      },
    };
  });
}

/** New orders for those that wait for this specimen alone. */
async function recollect(inside: Context, specimen: JsonObject, reason: string): Promise<Prepared[]> {
  const server = asServer(inside);
  const now = new Date().toISOString();
  const orders = await knownAll(server, 'ServiceRequest', ordersOf(specimen));
  const open = orders.filter(({ resource }) => resource['status'] === 'active');
  const renewed = open.map(({ resource }) => made(server, recollection(resource, reason, now)));
  const ended = open.map(({ resource, version }) => {
    const status = nextOrderState(String(resource['id']), orderState(resource), 'replace');
    const note = [...objects(resource['note']), { time: now, text: `Specimen rejected: ${reason}` }];
    return changed(server, { ...resource, status, note }, version);
  });
  await writeAll(server, [...renewed, ...ended]);
  return renewed;
}
