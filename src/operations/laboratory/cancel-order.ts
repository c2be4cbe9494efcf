/**
 * ServiceRequest/[id]/$cancel: an order is taken back; that of a panel with its tests.
 *
 *   POST [base]/ServiceRequest/[id]/$cancel    reason    200: the ServiceRequest
 *
 * The order of a panel follows its tests: the last that is cancelled completes it, or takes it back where none was done. A
 * specimen that was not collected yet, and that no other order waits for, is cancelled with it.
 */
import type { JsonObject } from '../../fhir/json.ts';
import { inTransaction } from '../../interactions/commit.ts';
import type { Call } from '../../interactions/call.ts';
import type { Prepared } from '../../interactions/prepare.ts';
import { orderState } from '../../laboratory/order.ts';
import { nextOrderState } from '../../laboratory/order-states.ts';
import { afterStep, ordersOf, stateOf } from '../../laboratory/specimen.ts';
import { objects, text } from '../../laboratory/terms.ts';
import type { Answer, Context } from '../../request.ts';
import { operationInput } from '../parameters.ts';
import { missing, textOf } from '../request-input.ts';
import { panelsAfter } from './panels-after.ts';
import { asServer, changed, writeAll, writtenResource, type Known } from './server-rights.ts';
import { keepCustody } from './specimen-step.ts';
import { known, knownAll, knownBy } from './specimens-and-orders.ts';

export async function cancelOrder(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['reason']);
  const reason = textOf(input, 'reason', 500) ?? missing('reason');
  return inTransaction(context, async (inside) => {
    const order = await known(inside, 'ServiceRequest', call.target.id);
    const prepared = revoked(inside, order, reason);
    await writeAll(inside, [prepared]);
    const server = asServer(inside);
    const parts = await knownBy(server, 'ServiceRequest', [
      ['based-on', `ServiceRequest/${call.target.id}`],
      ['status', 'active,on-hold,draft'],
    ]);
    await writeAll(
      server,
      parts.map((one) => revoked(server, one, reason)),
    );
    await writeAll(server, await panelsAfter(server, [prepared.resource]));
    await cancelSpecimens(inside, [order, ...parts]);
    return { status: 200, resource: writtenResource(prepared) };
  });
}

function revoked(context: Context, { resource, version }: Known, reason: string): Prepared {
  const status = nextOrderState(String(resource['id']), orderState(resource), 'cancel');
  const note = [...objects(resource['note']), { time: new Date().toISOString(), text: `Cancelled: ${reason}` }];
  return changed(context, { ...resource, status, note }, version);
}

async function cancelSpecimens(inside: Context, orders: readonly Known[]): Promise<void> {
  const server = asServer(inside);
  const references = orders
    .flatMap(({ resource }) => objects(resource['specimen']))
    .map(({ reference }) => text(reference));
  const specimens = await knownAll(
    server,
    'Specimen',
    references.flatMap((one) => one ?? []),
  );
  for (const { resource, version } of specimens.filter((one) => stateOf(one.resource) === 'accessioned')) {
    if (await isWaitedFor(server, resource)) continue;
    await writeAll(server, [changed(server, afterStep(resource, 'cancel'), version)]);
    await keepCustody(inside, { targets: [`Specimen/${String(resource['id'])}`], step: 'cancel' });
  }
}

async function isWaitedFor(server: Context, specimen: JsonObject): Promise<boolean> {
  const orders = await knownAll(server, 'ServiceRequest', ordersOf(specimen));
  return orders.some(({ resource }) => resource['status'] === 'active' || resource['status'] === 'on-hold');
}
