/**
 * Observation/$control-release: after a failed control, results of its analyte and analyzer are let go.
 *
 *   POST [base]/Observation/$control-release    device, analyte, reason    200: Parameters with hold…, count
 *
 * For those who may release results; the reason is kept in the Task and in each result.
 */
import { outcomeError } from '../../../fhir/outcome.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import type { Answer, Context } from '../../../request.ts';
import { operationInput } from '../../parameters.ts';
import { missing, textOf } from '../../request-input.ts';
import { referenceIn } from '../input.ts';
import { noted } from '../../../laboratory/result/observation.ts';
import { requireWholeAccess } from '../results/review.ts';
import { asServer, changed, writeAll, writtenResource } from '../server-rights.ts';
import { holdOf, openHolds } from './control-holds.ts';
import { holdResults } from './hold-results.ts';

export async function controlRelease(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['device', 'analyte', 'reason']);
  const device = referenceIn(input, 'device', ['Device']) ?? missing('device');
  const analyte = textOf(input, 'analyte', 64) ?? missing('analyte');
  const reason = textOf(input, 'reason', 500) ?? missing('reason');
  requireWholeAccess(context, 'The release after a failed control');
  return inTransaction(context, async (inside) => {
    const server = asServer(inside);
    const open = (await openHolds(server)).filter(({ resource }) => {
      const hold = holdOf(resource);
      return hold.analyte === analyte && hold.device === device;
    });
    if (open.length === 0) {
      throw outcomeError('conflict', `No failed control of ${analyte} on ${device} holds results.`);
    }
    const note = `Released after the failed control by ${inside.caller.subject}: ${reason}`;
    const closed = open.map(({ resource, version }) =>
      changed(server, { ...noted(resource, note), status: 'completed' }, version),
    );
    await writeAll(server, closed);
    const count = await holdResults(server, { analyte, device }, 'unhold', note);
    const parameter = [
      ...closed.map((one) => ({ name: 'hold', resource: writtenResource(one) })),
      { name: 'count', valueInteger: count },
    ];
    return { status: 200, resource: { resourceType: 'Parameters', parameter } };
  });
}
