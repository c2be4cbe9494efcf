/**
 * ServiceRequest/[id]/$cancel: an order is taken back; that of a panel with its tests.
 *
 *   POST [base]/ServiceRequest/[id]/$cancel    reason    200: the ServiceRequest
 *
 * The order of a panel follows its tests: the last that is cancelled completes it, or takes it back where none was done. A
 * specimen that was not collected yet, and that no other order waits for, is cancelled with it.
 */
import { inTransaction } from '../../interactions/commit.ts';
import type { Call } from '../../interactions/call.ts';
import type { Answer, Context } from '../../request.ts';
import { operationInput } from '../parameters.ts';
import { missing, textOf } from '../request-input.ts';
import { revoked, takeBack } from './orders-follow.ts';
import { panelsAfter } from './panels-after.ts';
import { asServer, writeAll, writtenResource } from './server-rights.ts';
import { known } from './specimens-and-orders.ts';

export async function cancelOrder(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['reason']);
  const reason = textOf(input, 'reason', 500) ?? missing('reason');
  return inTransaction(context, async (inside) => {
    const prepared = revoked(inside, await known(inside, 'ServiceRequest', call.target.id), reason);
    await writeAll(inside, [prepared]);
    const server = asServer(inside);
    await takeBack(inside, prepared.resource, reason);
    await writeAll(server, await panelsAfter(server, [prepared.resource]));
    return { status: 200, resource: writtenResource(prepared) };
  });
}
