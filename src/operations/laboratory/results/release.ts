/**
 * DiagnosticReport/[id]/$release: results become final, and what was released is signed.
 *
 *   POST [base]/DiagnosticReport/[id]/$release    result…, conclusion?    200: the DiagnosticReport
 *
 * Without `result`, all that are not released yet; with it, these: the report is partial then. Each must have been reviewed.
 *
 * 1. The caller's rights write `final`: who may not give that status releases nothing (403).
 * 2. With the setting `releaseFactorMinutes` a second factor must be as fresh (401); with `fourEyes` who entered a result
 *    must not be the only one who looked at it (409).
 * 3. A Provenance names the versions that were released and has their signature (signature.ts).
 */
import { outcomeError } from '../../../fhir/outcome.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import type { Call } from '../../../interactions/call.ts';
import { requireFreshSecondFactor } from '../../../interactions/second-factor.ts';
import type { Prepared } from '../../../interactions/prepare.ts';
import { afterResultStep } from '../../../laboratory/result/observation.ts';
import { resultState } from '../../../laboratory/result/result-states.ts';
import { nextReportState, reportState } from '../../../laboratory/result/report-states.ts';
import { extensions, objects, text } from '../../../laboratory/terms.ts';
import type { Answer, Context } from '../../../request.ts';
import { operationInput } from '../../parameters.ts';
import { textOf } from '../../request-input.ts';
import { referencesIn } from '../input.ts';
import { presentAfter } from '../reports/at-release.ts';
import { asServer, changed, made, writeAll, writtenResource, type Known } from '../server-rights.ts';
import { known, knownAll } from '../specimens-and-orders.ts';
import { ordersAfter } from './orders-after.ts';
import { reportsAfter } from './report-after.ts';
import { signedProvenance } from './signature.ts';

export async function release(context: Context, call: Call): Promise<Answer> {
  const input = await operationInput(context, call, ['result', 'conclusion']);
  const conclusion = textOf(input, 'conclusion', 5_000);
  const asked = referencesIn(input, 'result', ['Observation']);
  const { releaseFactorMinutes = 0 } = context.tenant.settings;
  if (releaseFactorMinutes > 0) requireFreshSecondFactor(context, releaseFactorMinutes * 60);
  return inTransaction(context, async (inside) => {
    const report = await known(inside, 'DiagnosticReport', call.target.id);
    nextReportState(call.target.id, reportState(report.resource), 'release');
    const released = (await waiting(inside, report, asked)).map((result) => releasedBy(inside, result));
    await writeAll(inside, released);
    const after = (await reportsAfter(inside, released)).find(({ prepared }) => prepared.entry.id === call.target.id);
    if (after === undefined) throw outcomeError('business-rule', 'The report names no order; it cannot be released.');
    const prepared =
      conclusion === undefined
        ? after.prepared
        : changed(inside, { ...after.prepared.resource, conclusion }, after.known.version);
    await writeAll(inside, [prepared]);
    const server = asServer(inside);
    await writeAll(server, await ordersAfter(server, released));
    await sign(inside, [prepared, ...released]);
    return { status: 200, resource: (await presentAfter(inside, call.target.id)) ?? writtenResource(prepared) };
  });
}

async function waiting(inside: Context, report: Known, asked: readonly string[]): Promise<Known[]> {
  const shown = objects(report.resource['result']).flatMap(({ reference }) => text(reference) ?? []);
  const other = asked.find((one) => !shown.includes(one));
  if (other !== undefined) {
    throw outcomeError('business-rule', `${other} is no result of DiagnosticReport/${String(report.resource['id'])}.`);
  }
  const results = await knownAll(inside, 'Observation', asked.length > 0 ? asked : shown);
  const open = asked.length > 0 ? results : results.filter(({ resource }) => resultState(resource) !== 'released');
  if (open.length > 0) return open;
  throw outcomeError('conflict', 'Nothing waits for its release: all results of the report are released.');
}

function releasedBy(inside: Context, { resource, version }: Known): Prepared {
  const after = afterResultStep(resource, 'release', inside.caller.subject);
  if (inside.tenant.settings.fourEyes === true) checkFourEyes(inside.caller.subject, after);
  return changed(inside, { ...after, issued: new Date().toISOString() }, version);
}

function checkFourEyes(releaser: string, observation: Parameters<typeof extensions>[0]): void {
  const by = (name: 'entered-by' | 'reviewed-by'): unknown[] =>
    extensions(observation, name).map(({ valueString }) => valueString);
  if ([...by('entered-by'), ...by('reviewed-by')].some((one) => one !== releaser)) return;
  throw outcomeError(
    'conflict',
    `Observation/${String(observation['id'])} was entered by you: somebody else must review or release it (fourEyes).`,
  );
}

async function sign(inside: Context, released: readonly Prepared[]): Promise<void> {
  const server = asServer(inside);
  const { subject, fhirUser } = inside.caller;
  const who = fhirUser === undefined ? { identifier: { value: subject }, display: subject } : { reference: fhirUser };
  await writeAll(server, [made(server, await signedProvenance(inside, released.map(writtenResource), who))]);
}
