/**
 * $withdraw: what should never have been told is `entered-in-error`, in the result and in the reports at once.
 *
 *   POST [base]/Observation/[id]/$withdraw         reason    200: the Observation
 *   POST [base]/DiagnosticReport/[id]/$withdraw    reason    200: the DiagnosticReport; with all of its results
 *
 * What was calculated of it, and what grew in a culture, goes with it (resting.ts), and so do calls that were to be made.
 */
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { afterResultStep, noted } from '../../../laboratory/result/observation.ts';
import { nextReportState, reportState } from '../../../laboratory/result/report-states.ts';
import { resultState } from '../../../laboratory/result/result-states.ts';
import { objects, text } from '../../../laboratory/terms.ts';
import type { Answer, Context } from '../../../request.ts';
import { operationInput } from '../../parameters.ts';
import { missing, textOf } from '../../request-input.ts';
import { presentAfter } from '../reports/at-release.ts';
import { withoutPresented } from '../reports/presented.ts';
import { asServer, changed, writeAll, writtenResource, type Known } from '../server-rights.ts';
import { known, knownAll } from '../specimens-and-orders.ts';
import { cancelledTasks } from './open-tasks.ts';
import { ordersAfter } from './orders-after.ts';
import { reportsAfter } from './report-after.ts';
import { restingAfter } from './resting.ts';

export async function withdraw(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['reason']);
  const reason = textOf(input, 'reason', 500) ?? missing('reason');
  return inTransaction(context, async (inside) =>
    call.target.type === 'Observation'
      ? withdrawResult(inside, call.target.id, reason)
      : withdrawReport(inside, call.target.id, reason),
  );
}

async function withdrawResult(inside: Context, id: string, reason: string): Promise<Answer> {
  const result = await known(inside, 'Observation', id);
  const prepared = withdrawn(inside, result, reason);
  await writeAll(inside, [prepared]);
  const server = asServer(inside);
  const resting = await restingAfter(server, [result], `Withdrawn: it rests on Observation/${id}: ${reason}`);
  await writeAll(server, resting);
  const reports = await reportsAfter(server, [prepared, ...resting]);
  await writeAll(
    server,
    reports.map((one) => one.prepared),
  );
  await writeAll(server, [
    ...(await ordersAfter(server, [prepared, ...resting])),
    ...(await tasksOf(server, [prepared, ...resting])),
  ]);
  for (const { prepared: report } of reports) await presentAfter(inside, report.entry.id);
  return { status: 200, resource: writtenResource(prepared) };
}

async function withdrawReport(inside: Context, id: string, reason: string): Promise<Answer> {
  const report = await known(inside, 'DiagnosticReport', id);
  nextReportState(id, reportState(report.resource), 'withdraw');
  const shown = objects(report.resource['result']).flatMap(({ reference }) => text(reference) ?? []);
  const results = await knownAll(inside, 'Observation', shown);
  const open = results.filter(({ resource }) => !['withdrawn', 'cancelled'].includes(resultState(resource)));
  const resource = {
    ...withoutPresented(report.resource),
    status: 'entered-in-error',
    conclusion: `Withdrawn: ${reason}`,
  };
  const prepared = changed(inside, resource, report.version);
  const gone = open.map((result) => withdrawn(inside, result, reason));
  await writeAll(inside, [prepared, ...gone]);
  const server = asServer(inside);
  const resting = await restingAfter(server, open, `Withdrawn: it rests on DiagnosticReport/${id}: ${reason}`);
  await writeAll(server, resting);
  const others = (await reportsAfter(server, resting)).filter(({ prepared: { entry } }) => entry.id !== id);
  await writeAll(
    server,
    others.map((one) => one.prepared),
  );
  await writeAll(server, [
    ...(await ordersAfter(server, [...gone, ...resting])),
    ...(await tasksOf(server, [...gone, ...resting])),
  ]);
  for (const { prepared: report } of others) await presentAfter(inside, report.entry.id);
  return { status: 200, resource: (await presentAfter(inside, id)) ?? writtenResource(prepared) };
}

/** Nobody is to call about them, or to measure them again. */
function tasksOf(server: Context, gone: readonly Prepared[]): Promise<Prepared[]> {
  return cancelledTasks(
    server,
    gone.map(({ entry }) => entry.id),
  );
}

function withdrawn(inside: Context, { resource, version }: Known, reason: string): Prepared {
  return changed(inside, noted(afterResultStep(resource, 'withdraw'), `Withdrawn: ${reason}`), version);
}
